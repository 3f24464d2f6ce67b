"""``python kms_server.py PORT``: moto's AWS KMS on loopback, and it signs digests as AWS does.

AWS signs what is sent with ``MessageType=DIGEST`` as the digest it is; moto hashes it once more ("not yet
implemented"). That one thing is mended here.
"""

from __future__ import annotations

import sys
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms import utils
from moto.kms.responses import KmsResponse
from moto.server import main

asked = threading.local()
told = KmsResponse.sign


def sign(self):
    asked.digest = self._get_param("MessageType") == "DIGEST"
    return told(self)


def of_digest(kind, how):
    whole = kind.sign

    def sign(self, message, signing_algorithm):
        if not asked.digest:
            return whole(self, message, signing_algorithm)
        return self.private_key.sign(message, *how[signing_algorithm])

    kind.sign = sign


KmsResponse.sign = sign
digest = Prehashed(hashes.SHA256())
of_digest(utils.ECDSAPrivateKey, {"ECDSA_SHA_256": (ec.ECDSA(digest),)})
of_digest(utils.RSAPrivateKey, {"RSASSA_PKCS1_V1_5_SHA_256": (padding.PKCS1v15(), digest)})

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])

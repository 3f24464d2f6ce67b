// Verify a key-signed bundle with sigstore-js.
//
//   NODE_PATH=…/node_modules node verify_key.js BUNDLE PUBLIC.pem TRUSTED_ROOT.json
//
// Prints one JSON object: {"accepted": true} or {"accepted": false, "said": "…"}. Anything else is a crash.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const [bundlePath, keyPath, rootPath] = process.argv.slice(2);
const key = crypto.createPublicKey(fs.readFileSync(keyPath));
// whatever the hint says, the key is the one the caller trusts
const findKey = () => ({ publicKey: key, validFor: () => true });
const root = TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(rootPath)));
const verifier = new Verifier(
  toTrustMaterial(root, findKey), { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });

let answer = { accepted: true };
try {
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)))));
} catch (error) {
  answer = { accepted: false, said: `${error.name}: ${error.code || ''} ${error.message}` };
}
console.log(JSON.stringify(answer));

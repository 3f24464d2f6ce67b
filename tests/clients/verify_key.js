// Verify a key-signed bundle with sigstore-js.
//
//   NODE_PATH=…/node_modules node verify_key.js BUNDLE PUBLIC.pem
//
// Prints one JSON object: {"accepted": true} or {"accepted": false, "said": "…"}. Anything else is a crash.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, Verifier } = require('@sigstore/verify');

function verify(bundlePath, keyPath) {
  const key = crypto.createPublicKey(fs.readFileSync(keyPath));
  // whatever the hint says, the key is the one the caller trusts
  const trust = {
    certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
    publicKey: () => ({ publicKey: key, validFor: () => true }),
  };
  const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)))));
}

let answer = { accepted: true };
try {
  verify(process.argv[2], process.argv[3]);
} catch (error) {
  answer = { accepted: false, said: `${error.name}: ${error.code || ''} ${error.message}` };
}
console.log(JSON.stringify(answer));

// Verify a keyless bundle with sigstore-js.
//
//   NODE_PATH=…/node_modules node verify_keyless.js BUNDLE TRUSTED_ROOT.json IDENTITY ISSUER [log|time]
//
// With "log" nothing is asked of the certificate log, with "time" of the log of signatures neither: as for a
// certificate of a private authority, which names no issuer of tokens.
//
// Prints one JSON object: {"accepted": true} or {"accepted": false, "said": "…"}. Anything else is a crash.
'use strict';
const fs = require('fs');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const [bundlePath, rootPath, identity, issuer, less] = process.argv.slice(2);
const root = TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(rootPath)));
const verifier = new Verifier(
  toTrustMaterial(root),
  { tlogThreshold: less === 'time' ? 0 : 1, ctlogThreshold: less ? 0 : 1, timestampThreshold: 1 });
// it takes the identity for a regular expression that need not be about all of it
const exactly = `^${identity.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;

let answer = { accepted: true };
try {
  verifier.verify(
    toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)))),
    { subjectAlternativeName: exactly, extensions: issuer ? { issuer } : {} });
} catch (error) {
  answer = { accepted: false, said: `${error.name}: ${error.code || ''} ${error.message}` };
}
console.log(JSON.stringify(answer));

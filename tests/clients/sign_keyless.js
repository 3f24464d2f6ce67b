// Sign a statement keyless with sigstore-js.
//
//   NODE_PATH=…/node_modules node sign_keyless.js STATEMENT FULCIO REKOR 1|2 TIMESTAMP_AUTHORITY TOKEN_FILE
//
// Prints one JSON object: {"accepted": true, "said": BUNDLE} or {"accepted": false, "said": "…"} if a server
// wants none of it. Anything else is a crash.
'use strict';
const fs = require('fs');
const { bundleToJSON } = require('@sigstore/bundle');
const { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } = require('@sigstore/sign');

const [statement, fulcio, rekor, version, authority, token] = process.argv.slice(2);
const identityProvider = { getToken: async () => fs.readFileSync(token, 'utf8').trim() };
const builder = new DSSEBundleBuilder({
  signer: new FulcioSigner({ fulcioBaseURL: fulcio, identityProvider }),
  witnesses: [
    new RekorWitness({ rekorBaseURL: rekor, majorApiVersion: Number(version), entryType: 'dsse' }),
    new TSAWitness({ tsaBaseURL: authority }),
  ],
});

builder.create({ data: fs.readFileSync(statement), type: 'application/vnd.in-toto+json' }).then(
  (bundle) => console.log(JSON.stringify({ accepted: true, said: JSON.stringify(bundleToJSON(bundle)) })),
  (error) => console.log(JSON.stringify({ accepted: false, said: `${error.code}: ${error.message}` })));

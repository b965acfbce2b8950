// MSAL for Node, unmodified, signs in at the emulator's own https address: with a secret and with a certificate,
// silent renewal, a Graph call.
//
// Environment: EMULATOR (its http origin), CERTIFICATES (folder with app.pem and app-key.pem), and
// NODE_EXTRA_CA_CERTS, by which Node trusts the emulator's certificate authority.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";

const { EMULATOR, CERTIFICATES } = process.env;
const here = `https://localhost:${new URL(EMULATOR).port}`;
const clientId = "9e0b6a44-3d0b-4f2f-8b7e-0b5d2c6f7a22";
const clientSecret = "node+secret&with=all%of/them";
const redirectUri = "https://app.example/redirect";
const scopes = ["User.Read", "User.ReadBasic.All"];
const certificate = readFileSync(`${CERTIFICATES}/app.pem`, "utf8");

async function register() {
  const client = {
    client_id: clientId,
    name: "MSAL for Node",
    secrets: [clientSecret],
    certificates: [certificate],
    redirect_uris: [redirectUri],
    consented: [...scopes, "openid", "profile", "offline_access"],
  };
  const answer = await fetch(`${EMULATOR}/_control/clients`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(client),
  });
  assert.equal(answer.status, 204);
}

async function signIn(credential) {
  const app = new ConfidentialClientApplication({
    auth: { clientId, authority: `${here}/common`, knownAuthorities: [new URL(here).host], ...credential },
  });
  const [person] = await (await fetch(`${EMULATOR}/_control/people`)).json();
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const url = await app.getAuthCodeUrl({
    scopes,
    redirectUri,
    codeChallenge: challenge,
    codeChallengeMethod: "S256",
    loginHint: person.username,
    state: "a-state",
    nonce: "a-nonce",
  });
  const answer = await fetch(url, { redirect: "manual" });
  assert.equal(answer.status, 302);
  const back = new URL(answer.headers.get("location")).searchParams;
  assert.equal(back.get("state"), "a-state");
  const code = back.get("code");
  const result = await app.acquireTokenByCode({ code, scopes, redirectUri, codeVerifier: verifier, nonce: "a-nonce" });
  assert.equal(result.account.username, person.username);
  assert.equal(result.account.tenantId, person.tid);

  const cached = await app.acquireTokenSilent({ account: result.account, scopes });
  assert.equal(cached.accessToken, result.accessToken);
  const renewed = await app.acquireTokenSilent({ account: result.account, scopes, forceRefresh: true });
  assert.notEqual(renewed.accessToken, result.accessToken);

  const me = await fetch(`${here}/v1.0/me`, { headers: { authorization: `Bearer ${renewed.accessToken}` } });
  assert.equal((await me.json()).userPrincipalName, person.username);
}

await register();
await signIn({ clientSecret });
console.log("MSAL for Node: signed in with a secret");
const thumbprintSha256 = new X509Certificate(certificate).fingerprint256.replaceAll(":", "");
const privateKey = readFileSync(`${CERTIFICATES}/app-key.pem`, "utf8");
await signIn({ clientCertificate: { thumbprintSha256, privateKey } });
console.log("MSAL for Node: signed in with a certificate");

"""Cloakroom's own binary with production settings, behind a forward proxy with a private certificate authority (R116).

It knows nothing of the emulator: its authority is login.microsoftonline.com, its Graph graph.microsoft.com, and only
HTTPS_PROXY and SSL_CERT_FILE lead it elsewhere. Without either of them it must not get through.

Environment: EMULATOR (its http origin), EMULATOR_CA (file), CLOAKROOM (the binary).
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(name, None)

EMULATOR = os.environ["EMULATOR"]
CA = os.environ["EMULATOR_CA"]
ROOT = Path(__file__).resolve().parents[3]
CLIENT_ID = "44f0a2a6-3a8f-4bb5-9a54-1d7c2d5e6f70"
SECRET = "proxied+secret&with=all%of/them"


def session(**settings):
    made = requests.Session()
    made.trust_env = False
    for name, value in settings.items():
        setattr(made, name, value)
    return made


control = session()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloakroom:
    def __init__(self, **network):
        port = free_port()
        self.origin = f"http://localhost:{port}"
        # Nothing of this machine's own network settings: what counts is given here.
        wanted = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
        kept = {name: os.environ[name] for name in wanted if name in os.environ}
        settings = {
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": SECRET,
            "PUBLIC_URL": self.origin,
            "LEPTOS_SITE_ADDR": f"127.0.0.1:{port}",
            "SESSION_STORE": "sqlite::memory:",
            "LOG": "error",
        }
        client = {
            "client_id": CLIENT_ID,
            "name": "Cloakroom in production",
            "secrets": [SECRET],
            "redirect_uris": [f"{self.origin}/auth/callback"],
            "consented": ["User.Read", "User.ReadBasic.All", "openid", "profile", "offline_access"],
        }
        control.post(f"{EMULATOR}/_control/clients", json=client).raise_for_status()
        self.process = subprocess.Popen([os.environ["CLOAKROOM"]], env={**kept, **settings, **network}, cwd=ROOT)

    def __enter__(self):
        for _ in range(200):
            try:
                control.get(f"{self.origin}/healthz", timeout=5)
                return self
            except requests.ConnectionError:
                assert self.process.poll() is None, "Cloakroom did not start"
                time.sleep(0.1)
        raise AssertionError("Cloakroom does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(40)


def hosts():
    return [call["host"] for call in control.get(f"{EMULATOR}/_control/calls").json()]


def signs_in_through_the_proxy():
    user = control.get(f"{EMULATOR}/_control/people").json()[0]
    with Cloakroom(HTTPS_PROXY=EMULATOR, SSL_CERT_FILE=CA) as app:
        browser = session()
        start = browser.get(f"{app.origin}/auth/login?login_hint={user['username']}", allow_redirects=False)
        there = start.headers["Location"]
        assert there.startswith("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?"), there
        microsoft = session(verify=CA, proxies={"https": EMULATOR})
        back = microsoft.get(there, allow_redirects=False).headers["Location"]
        browser.get(back, allow_redirects=False)
        same_origin = {"X-CSRF": "1", "Sec-Fetch-Site": "same-origin"}
        signed_in = browser.get(f"{app.origin}/auth/session", headers=same_origin).json()
        assert signed_in["user"]["oid"] == user["oid"], signed_in
        people = browser.get(f"{app.origin}/people", headers={"Sec-Fetch-Site": "same-origin"})
        assert people.status_code == 200 and user["name"] in people.text
    assert {"login.microsoftonline.com", "graph.microsoft.com"} <= set(hosts())


def fails_without(**network):
    control.delete(f"{EMULATOR}/_control/calls").raise_for_status()
    with Cloakroom(**network) as app:
        answer = session().get(f"{app.origin}/auth/login", allow_redirects=False)
        assert answer.status_code == 503, answer.status_code
    assert hosts() == []


def main():
    signs_in_through_the_proxy()
    print("Cloakroom: signed in with production settings through the proxy (R116)")
    fails_without(HTTPS_PROXY=EMULATOR)
    print("Cloakroom: refused the proxy's certificate without SSL_CERT_FILE")
    fails_without(HTTPS_PROXY=EMULATOR, SSL_CERT_FILE=CA, NO_PROXY="login.microsoftonline.com")
    print("Cloakroom: went past the proxy where NO_PROXY says so")


if __name__ == "__main__":
    sys.exit(main())

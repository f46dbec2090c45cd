"""Users of the SDK against a Wardgate that runs: many who renew at once, answers that get lost, signing out, acting for another."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from wardgate.client import (
    APIError,
    CertificateAuth,
    ClientAssertion,
    ClientCertificate,
    ClientSecret,
    Environment,
    FileTokenStore,
    PrivateKeySigner,
    Provider,
    RelyingParty,
    SignInNeeded,
    TokenRefused,
    UserApplication,
    UserAuth,
    UserSession,
    api_client,
    async_api_client,
    sign_in_at_stand_in,
    tls_ma_context,
)
from wardgate.jose import UnverifiedJWT

WORKER, PATIENT, CHILD = "656005750104", "9912003071", "9912003074"
HOME = "https://example.org/callback"
SECONDS = 240.0
ROUNDS = 10


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file, whose record is looked through."""
    with new_wardgate(environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}) as one:
        yield one


@pytest.fixture
def application(own: Any) -> Iterator[Callable[..., UserApplication]]:
    """Return a maker of applications: `demo-app` with secret and key, or `strict-app` with its key."""
    made: list[UserApplication] = []

    def one(*, strict: bool = False, base_path: str = "/oauth2", **more: Any) -> UserApplication:
        kid, name = ("strict-es256", "strict-app") if strict else ("demo-1", "demo-app")
        signer = PrivateKeySigner.from_file(own.data / "demo" / f"{kid}.pem", "ES256" if strict else "RS512")
        assertion = ClientAssertion(f"{name}-key-not-a-secret", signer, kid)
        proof = assertion if strict else ClientSecret("demo-app-key-not-a-secret", "demo-app-client-secret")
        made.append(UserApplication(Environment.at(own.url, base_path), proof, exchange_authentication=assertion, pushed=strict,
                                    issuer_required=strict, tls=own.trust(), **more))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture
def party(own: Any) -> Iterator[Callable[..., RelyingParty]]:
    """Return a maker of clients of the stand-ins at the providers' own paths."""
    made: list[RelyingParty] = []

    def one(provider: Provider) -> RelyingParty:
        path = "/standins/nhs-login" if provider is Provider.NHS_LOGIN else "/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare"
        name = "test-client-nhs-login" if provider is Provider.NHS_LOGIN else "test-client-cis2"
        made.append(RelyingParty(own.url + path, ClientSecret(name, f"{name}-not-a-secret"), tls=own.trust()))
        return made[-1]

    yield one
    for each in made:
        each.close()


def signed_in(own: Any, app: UserApplication, user: str = WORKER, provider: Provider = Provider.CIS2, **session: Any) -> UserSession:
    """Return the session of a user who has just signed in through us."""
    home = f"http://127.0.0.1:{own.demo_port}/callback"
    pending = app.begin(home, provider)
    made = UserSession(app, **session)
    made.start(app.redeem(pending, sign_in_at_stand_in(pending, user, tls=own.trust())))
    return made


def refusals(own: Any) -> int:
    """Return how many refresh tokens were refused so far."""
    events = [json.loads(json.loads(line)["body"]) for line in own.cli("audit", "export").out.splitlines()]
    return sum(one.get("reason") == "refresh-token-invalid" for one in events)


def refresh_count(session: UserSession) -> int:
    """Return how often the session was renewed."""
    tokens = session.tokens
    assert tokens is not None
    assert tokens.refresh_count is not None
    return tokens.refresh_count


@pytest.mark.parametrize("strict", [False, True], ids=["nhs", "strict"])
def test_many_threads_renew_as_one(own: Any, application: Any, strict: bool) -> None:
    """Everybody is refused with the same token, again and again: one renewal for each round, no token used twice."""
    before, session = refusals(own), signed_in(own, application(strict=strict))
    together = threading.Barrier(12)

    def one() -> None:
        for _ in range(ROUNDS):
            refused = session.token()
            together.wait(SECONDS)
            assert session.token(refused).value != refused.value
            together.wait(SECONDS)

    with ThreadPoolExecutor(12) as pool:
        for future in [pool.submit(one) for _ in range(12)]:
            future.result(SECONDS * 2)
    assert refresh_count(session) == ROUNDS
    assert refusals(own) == before


def test_many_tasks_renew_as_one(own: Any, application: Any) -> None:
    """The same on asyncio, some of them cancelled in the middle."""
    before, session = refusals(own), signed_in(own, application())

    async def main() -> None:
        for _ in range(ROUNDS):
            refused = await session.atoken()
            tasks = [asyncio.create_task(session.atoken(refused)) for _ in range(30)]
            await asyncio.sleep(0)
            for task in tasks[:10]:
                task.cancel()
            got = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in got[:10])
            assert len({one.value for one in got[10:] if not isinstance(one, BaseException)} - {refused.value}) == 1

    asyncio.run(main())
    assert refresh_count(session) == ROUNDS
    assert refusals(own) == before


PROCESS = """
import sys, threading
from pathlib import Path
from wardgate.client import ClientSecret, Environment, FileTokenStore, UserApplication, UserSession, trust_context
url, ca, path, rounds = sys.argv[1:]
with UserApplication(Environment.at(url), ClientSecret("demo-app-key-not-a-secret", "demo-app-client-secret"), tls=trust_context(ca)) as app:
    session = UserSession(app, FileTokenStore(path))
    print("ready", flush=True)
    sys.stdin.readline()
    def renew():
        for _ in range(int(rounds)):
            session.token(session.token())
    threads = [threading.Thread(target=renew) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print("done", flush=True)
"""


def test_two_processes_share_a_file_and_use_each_token_once(own: Any, application: Any, tmp_path: Path) -> None:
    """Each with three threads, all renewing all the time: the server refuses nothing, the file ends with the newest tokens."""
    path = tmp_path / "tokens.json"
    before, session = refusals(own), signed_in(own, application(), store=FileTokenStore(path))
    command = [sys.executable, "-c", PROCESS, own.url, str(own.ca), str(path), str(ROUNDS)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=SECONDS * 2) for process in both]
    assert [out for out, _ in ended] == ["done\n", "done\n"], ended
    assert refusals(own) == before
    count = refresh_count(session)
    assert ROUNDS <= count <= ROUNDS * 6
    session.token(session.token())
    assert refresh_count(session) == count + 1


class Losing(httpx2.BaseTransport):
    """A network that loses the answers to the next renewals, after the server has given them."""

    def __init__(self, own: Any) -> None:
        self._inner = httpx2.HTTPTransport(verify=own.trust())
        self.lose = 0
        self.renewals: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        form = parse_qs(request.read().decode())
        if form.get("grant_type") == ["refresh_token"]:
            self.renewals.append(form["refresh_token"][0])
            if self.lose:
                self.lose -= 1
                response.read()
                response.close()
                raise httpx2.ReadTimeout("the answer was lost", request=request)
        return response

    def close(self) -> None:
        self._inner.close()


def test_a_lost_answer_costs_the_sign_in_and_no_second_use(own: Any, application: Any) -> None:
    """In the profile `nhs`: the access token serves to its end; the old refresh token, which the server has replaced, is not sent again."""
    network, before = Losing(own), refusals(own)
    session = signed_in(own, application(transport=network))
    first = session.token()
    network.lose = 1
    with pytest.raises(SignInNeeded, match="may have been replaced"):
        session.token(first)
    assert session.token().value == first.value
    for _ in range(3):
        with pytest.raises(SignInNeeded):
            session.token(first)
    assert len(network.renewals) == 1
    assert refusals(own) == before


def test_a_lost_answer_costs_nothing_where_the_server_repeats_itself(own: Any, application: Any) -> None:
    """In the profile `strict`: a repeat within the grace gets the same successor, and the sign-in goes on."""
    network, before = Losing(own), refusals(own)
    session = signed_in(own, application(strict=True, transport=network), repeat_within_seconds=8.0)
    first = session.token()
    network.lose = 1
    second = session.token(first)
    assert second.value != first.value
    assert network.renewals[0] == network.renewals[1]
    assert session.token(second).value != second.value
    assert (refresh_count(session), refusals(own)) == (2, before)


def test_the_four_patterns_in_both_worlds(own: Any, application: Any, party: Any) -> None:
    """Blocking and asyncio, by code and by exchange: each call arrives as its user."""
    app = application()
    sessions = [(signed_in(own, app, user, provider), user) for provider, user in ((Provider.CIS2, WORKER), (Provider.NHS_LOGIN, PATIENT))]
    for provider, user in ((Provider.CIS2, WORKER), (Provider.NHS_LOGIN, PATIENT)):
        session = UserSession(app)
        session.start(app.exchange(_id_token(own, party(provider), user).id_token.text))
        sessions.append((session, user))
    for session, user in sessions:
        path = "/user-demo/echo/worker" if user == WORKER else "/user-demo/echo/patient"
        with api_client(app.environment, auth=UserAuth(session), tls=own.trust()) as client:
            assert user in json.dumps(client.get(path).json()["headers"])

        async def main(session: UserSession = session, path: str = path) -> Any:
            async with async_api_client(app.environment, auth=UserAuth(session), tls=own.trust()) as client:
                return (await client.get(path)).json()["headers"]

        assert user in json.dumps(asyncio.run(main()))


def _id_token(own: Any, party: RelyingParty, user: str) -> Any:
    pending = party.begin(HOME)
    return party.redeem(pending, sign_in_at_stand_in(pending, user, tls=own.trust()))


def test_userinfo_is_for_the_combined_pattern_of_cis2(own: Any, application: Any) -> None:
    """The worker's roles; for a patient the platform's own words (user-restricted 7.1)."""
    app = application()
    worker = signed_in(own, app)
    details = app.userinfo(worker.token())
    assert [role["person_roleid"] for role in details["nhsid_nrbac_roles"]] == ["656014452101", "656014452102"]
    with api_client(app.environment, auth=UserAuth(worker, role="656014452102"), tls=own.trust()) as client:
        assert client.get("/user-demo/echo/role").json()["headers"]["nhsd-session-urid"] == "656014452102"
    patient = signed_in(own, app, PATIENT, Provider.NHS_LOGIN)
    with pytest.raises(APIError, match="The Userinfo endpoint is only supported for Combined Auth"):
        app.userinfo(patient.token())


def test_signing_out(own: Any, application: Any, party: Any, until: Any) -> None:
    """The access token is taken back at the server; the provider's session ends at its own address; nothing is held any more."""
    app, provider = application(), party(Provider.CIS2)
    tokens = _id_token(own, provider, WORKER)
    session = UserSession(app)
    session.start(app.exchange(tokens.id_token.text))
    access = session.token()
    headers = {"authorization": f"Bearer {access.value}"}
    with own.client() as client:
        assert client.get("/user-demo/echo/worker", headers=headers).status_code == 200
        session.end(revoke=True)
        assert until(lambda: client.get("/user-demo/echo/worker", headers=headers).headers.get("x-wardgate-reason")) == "access-token-revoked"
        with pytest.raises(SignInNeeded):
            session.token()
        address = provider.logout_url(tokens.id_token, "https://example.org/signed-out", "s1")
        assert client.get(address).headers["location"] == "https://example.org/signed-out?state=s1"


def test_a_sign_out_at_the_provider_ends_the_session(own: Any, application: Any, until: Any) -> None:
    """Its logout token reaches us: the next call is refused, and the refresh token too, in the platform's words."""
    app = application()
    pending = app.begin(HOME)
    session = UserSession(app)
    with own.client() as browser:
        page = browser.get(pending.url, follow_redirects=True)
        action = unescape(page.text.split('id="kc-form-login" action="')[1].split('"')[0])
        answer = browser.post(action, data={"username": WORKER})
        while not answer.headers["location"].startswith(HOME):
            answer = browser.get(answer.headers["location"])
        session.start(app.redeem(pending, answer.headers["location"]))
        logout = f"{own.url}/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare/connect/endSession"
        page = browser.get(logout).text
        csrf = page.split('name="csrf" value="')[1].split('"')[0]
        assert "You are signed out" in browser.post(logout, data={"csrf": csrf, "choice": "sign-out"}).text
    with api_client(app.environment, auth=UserAuth(session, renew_after_401=False), tls=own.trust()) as client:
        until(lambda: client.get("/user-demo/echo/worker").status_code == 401, what="the end of the sign-in")
    with api_client(app.environment, auth=UserAuth(session), tls=own.trust()) as client, pytest.raises(SignInNeeded) as needed:
        client.get("/user-demo/echo/worker")
    assert (needed.value.why, needed.value.refusal and needed.value.refusal.text) == ("refused", "refresh_token is invalid")


def test_somebody_acts_for_a_child(own: Any, application: Any, party: Any) -> None:
    """user-restricted 14: a composite ID token is exchanged like any other; the call is about the child."""
    app, provider = application(), party(Provider.NHS_LOGIN)
    actor = _id_token(own, provider, PATIENT).id_token
    session = UserSession(app)
    session.start(app.exchange(provider.composite(actor, CHILD).text))
    assert UnverifiedJWT.parse(session.token().value).claims["act"] == {"sub": PATIENT}
    with api_client(app.environment, auth=UserAuth(session), tls=own.trust()) as client:
        assert client.get("/user-demo/echo/patient").json()["headers"]["nhsd-nhslogin-user"] == f"P9:{CHILD}"
    with pytest.raises(TokenRefused, match="may not act"):
        provider.composite(actor, "9912003072")


def test_a_certificate_is_the_proof_and_the_token_is_bound_to_it(own: Any, new_certificate: Any) -> None:
    """RFC 8705 sections 2 and 3: with the same connection's certificate the token is taken, without it it is not."""
    chain, key = new_certificate(own, "bound-app")
    auth = CertificateAuth("bound-app-key-not-a-secret", token_url=Environment.at(own.mtls_url).token_url)
    with api_client(own.mtls_url, auth=auth, tls=tls_ma_context(chain, key, own.ca)) as client:
        answer = client.get("/hello-world/hello/application")
        assert answer.status_code == 200
        token = auth.obtain(client)
    assert "cnf" in UnverifiedJWT.parse(token.value).claims
    with own.client() as other:
        stolen = other.get("/hello-world/hello/application", headers={"authorization": f"Bearer {token.value}"})
    assert (stolen.status_code, stolen.headers["x-wardgate-reason"]) == (401, "access-token-not-bound")


def test_a_certificate_proves_an_application_with_users(own: Any, new_certificate: Any) -> None:
    """The profile `strict` without any key or secret: pushed request, code, renewal and exchange by the handshake alone."""
    made = own.done("app", "create", "certificate-app", "--organisation", "Z9X01", "--product", "user-demo", "--profile", "strict",
                    "--certificate-name", "certificate-app.example.thirdparty.nhs.uk", "--callback-url", HOME)
    chain, key = new_certificate(own, "certificate-app")
    environment, tls = Environment.at(own.url, mtls_base_url=own.mtls_url), tls_ma_context(chain, key, own.ca)
    with UserApplication(environment, ClientCertificate(made["api_key"]), pushed=True, issuer_required=True, tls=tls) as app:
        pending = app.begin(HOME)
        session = UserSession(app)
        session.start(app.redeem(pending, sign_in_at_stand_in(pending, WORKER, tls=own.trust())))
        assert session.token(session.token()).value
        assert refresh_count(session) == 1
        with api_client(own.url, auth=UserAuth(session), tls=own.trust()) as client:
            assert client.get("/user-demo/echo/worker").json()["headers"]["nhsd-application"] == "certificate-app"
        issuer = f"{own.url}/standins/nhs-login"
        with RelyingParty(issuer, ClientSecret("test-client-nhs-login", "test-client-nhs-login-not-a-secret"), tls=own.trust()) as party:
            session.start(app.exchange(_id_token(own, party, PATIENT).id_token.text))
        session.end(revoke=True)

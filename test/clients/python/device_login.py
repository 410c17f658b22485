"""Signing in by the browser: the way `hf auth login` takes when nobody gives it a token."""

import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import threading
import time
import urllib.request

from lane import main, prepared, step


class Browser:
    """Somebody who is signed in at the page of the hub."""

    def __init__(self, lane):
        self.endpoint = lane.endpoint
        self.cookie = None
        answer = self.send("POST", "/api/session", {"name": "ada", "password": os.environ["ADA_PASSWORD"]})
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def send(self, method, path, body=None):
        headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
        if self.cookie:
            headers["cookie"] = self.cookie
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data=data, headers=headers, method=method)
        return urllib.request.urlopen(request)

    def decide(self, user_code, approve):
        self.send("POST", "/api/oauth/device", {"userCode": user_code, "approve": approve})


@prepared
def browser(lane):
    return Browser(lane)


def home_of(lane):
    return lane.work / "cli"


def environment(lane):
    home = str(home_of(lane))
    kept = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    return {**kept, "HF_ENDPOINT": lane.endpoint, "HF_HOME": home, "HOME": home, "NO_COLOR": "1", "TERM": "xterm"}


def hf(lane, *command):
    program = pathlib.Path(sys.executable).parent / "hf"
    done = subprocess.run([program, *command], env=environment(lane), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def in_terminal(lane, command, react, seconds=60):
    """Run a command with a terminal of its own. `react` sees all output so far and answers what to type next."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment(lane))
    output, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:
                break
            if not chunk:
                break
            output += chunk.decode(errors="replace")
            continue
        # Nothing new for a while: it is our turn.
        typed = react(output)
        if typed:
            os.write(terminal, typed)
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), output


class Login:
    """What a person does at the terminal and in the browser: takes the first choice, and answers under the code."""

    def __init__(self, lane, approve):
        self.browser = browser(lane)
        self.approve = approve
        self.decided = False

    def __call__(self, output):
        code = re.search(r"enter the code: ([A-Z]{4}-[A-Z]{4})", output)
        if code and not self.decided:
            self.decided = True
            self.browser.decide(code.group(1), self.approve)
        # The menu drops what is typed before it is ready, so it may take more than once.
        return b"\r" if "How would you like to log in?" in output and not code else None


def program(name="hf"):
    return str(pathlib.Path(sys.executable).parent / name)


@step("`hf auth login` in a terminal says no when the person says no")
def denied(lane):
    home_of(lane).mkdir()
    code, output = in_terminal(lane, [program(), "auth", "login"], Login(lane, False))
    assert code != 0 and "denied" in output, output
    assert not (home_of(lane) / "token").exists()


@step("`hf auth login` in a terminal ends signed in when the person says yes in the browser")
def approved(lane):
    code, output = in_terminal(lane, [program(), "auth", "login"], Login(lane, True))
    assert code == 0 and "Login successful" in output, output
    assert f"{lane.endpoint}/oauth/device?user_code=" in output, output
    code, output = hf(lane, "auth", "whoami")
    assert code == 0 and "ada" in output, output
    code, output = hf(lane, "repos", "create", "by-device", "--private")
    assert code == 0, output


@step("signing in again replaces what was kept")
def again(lane):
    code, output = in_terminal(lane, [program(), "auth", "login", "--force"], Login(lane, True))
    assert code == 0, output
    kept = (home_of(lane) / "stored_tokens").read_text()
    assert kept.count("hf_token") == 1, kept


@step("the library renews the token in its last day, and uses the new one")
def renewed(lane):
    stored = home_of(lane) / "stored_tokens"
    before = (home_of(lane) / "token").read_text()
    stored.write_text(re.sub(r"expires_at = \d+", f"expires_at = {int(time.time()) + 3600}", stored.read_text()))
    code, output = hf(lane, "auth", "whoami")
    assert code == 0 and "ada" in output, output
    after = (home_of(lane) / "token").read_text()
    assert after != before and after.startswith("hf_")
    assert after in stored.read_text()


@step("many processes that renew at the same time all stay signed in")
def crowd(lane):
    from huggingface_hub.utils._oauth_device import refresh_access_token

    token = re.search(r"refresh_token = (\S+)", (home_of(lane) / "stored_tokens").read_text()).group(1)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(refresh_access_token(token))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and len({answer["refresh_token"] for answer in answers}) == 1, answers


@step("`hf auth login` and the library poll, and are told when a code has no owner")
def polled(lane):
    from huggingface_hub.errors import DeviceCodeError
    from huggingface_hub.utils._oauth_device import poll_device_token, request_device_code

    info = request_device_code()
    pending = []

    def decide():
        pending.append(True)
        browser(lane).decide(info["user_code"], True)

    answer = poll_device_token(info, on_pending=decide)
    assert pending == [True] and answer["access_token"].startswith("hf_"), answer
    try:
        poll_device_token({**info, "interval": 1})
    except DeviceCodeError as error:
        assert error.error_code == "invalid_grant", error.error_code
    else:
        raise AssertionError("a code was good twice")


@step("a token that is ended at the page is ended for the client, and it says what to do")
def ended(lane):
    from huggingface_hub import whoami
    from huggingface_hub.errors import HfHubHTTPError

    token = (home_of(lane) / "token").read_text()
    assert whoami(token=token)["auth"]["accessToken"]["role"] == "write"
    listed = json.load(browser(lane).send("GET", "/api/settings/tokens"))["tokens"]
    for entry in listed:
        if entry["kind"] == "application":
            browser(lane).send("DELETE", f"/api/settings/tokens/{entry['id']}")
    try:
        whoami(token=token)
    except HfHubHTTPError as error:
        assert error.response.status_code == 401
    else:
        raise AssertionError("the token still works")


@step("a fine-grained token signs in, is named as such, and does not see what it was not made for")
def fine_grained(lane):
    from huggingface_hub import HfApi

    body = {"name": "fine", "role": "fineGrained", "access": [{"type": "model", "name": "ada/by-device", "permission": "read"}]}
    secret = json.load(browser(lane).send("POST", "/api/settings/tokens", body))["secret"]
    code, output = hf(lane, "auth", "login", "--token", secret)
    assert code == 0 and "permission: fineGrained" in output, output
    api = HfApi(endpoint=lane.endpoint, token=secret)
    assert api.model_info("ada/by-device").private
    other = HfApi(endpoint=lane.endpoint, token=lane.tokens["ada"])
    other.create_repo("ada/outside", private=True)
    assert api.repo_exists("ada/by-device") and not api.repo_exists("ada/outside")


if __name__ == "__main__":
    main()

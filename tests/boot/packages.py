# SPDX-License-Identifier: Apache-2.0
"""Install the Debian packages, use them, remove and purge them; and install without packages."""
import glob
import grp
import os
import pwd
import shutil
import subprocess

from client import Client
from support import (ADMIN, VERIFY, STORE, Skip, apt, assert_equal, create, main_pid, request_ok, run, state,
                     timeout, verify_all)

PACKAGES = "jeton", "jeton-verifiers", "jeton-gateway", "jeton-fleet", "jeton-web", "libpam-jeton", "libjeton-dev", "python3-jeton",\
    "jeton-cockpit", "lua-jeton", "libnginx-mod-http-jeton", "libjeton0"


@timeout(60)
def packages_are_installed():
    apt("install", *glob.glob(f"{os.getcwd()}/old/*.deb"))
    user = pwd.getpwnam("jeton")
    assert 0 < user.pw_uid < 1000, user
    for name in ("jeton-admin", "jeton-observe", "jeton-table"):
        assert_equal(grp.getgrnam(name).gr_mem, ["jeton-gateway"] if name == "jeton-table" else [], name)


def pam_accepts_a_token_as_password():
    if shutil.which("pamtester") is None:
        raise Skip("pamtester is not installed")
    with open("/etc/pam.d/jeton-boot", "w") as file:
        file.write("auth required pam_jeton.so scope=login\naccount required pam_jeton.so\n")
    value = create(subject="ann", scopes="login")
    wrong = value[:-1] + ("y" if value.endswith("x") else "x")
    for password, wanted in ((value, 0), (wrong, 1)):
        result = subprocess.run(["pamtester", "jeton-boot", "ann", "authenticate", "acct_mgmt"],
                               input=password + "\n", text=True, capture_output=True, timeout=20)
        assert_equal(result.returncode != 0, wanted != 0, result.stderr + result.stdout)


def the_pam_profile_lets_tokens_in_and_locks_nobody_out():
    if shutil.which("pamtester") is None:
        raise Skip("pamtester is not installed")
    run("useradd", "--no-create-home", "bea")
    run("chpasswd", input="bea:her-password\n")
    with open("/etc/pam.d/jeton-boot", "w") as file:
        file.write("@include common-auth\n@include common-account\n")

    def passes(password, *operations):
        return subprocess.run(["pamtester", "jeton-boot", "bea", *(operations or ("authenticate", "acct_mgmt"))],
                              input=password + "\n", text=True, capture_output=True, timeout=20).returncode == 0
    login, wiki = create(subject="bea", scopes="login"), create(subject="bea", scopes="wiki:read")
    assert not passes(login), "the profile is not enabled by itself"
    run("pam-auth-update", "--enable", "jeton", env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    assert passes(login)
    assert passes("her-password"), "passwords still work"
    assert not passes(wiki), "a token without the scope is no password"
    assert not passes("wrong")
    assert passes("", "acct_mgmt"), "who came in by a key, say, is not judged"
    request_ok(ADMIN, f"disable {request_ok(VERIFY, f'id {login}')['id']}")
    assert not passes(login)
    assert passes("her-password")
    request_ok(ADMIN, f"enable {request_ok(VERIFY, f'id {login}')['id']}")


@timeout(40)
def removal_leaves_only_the_tokens_and_the_configuration():
    pid = main_pid()
    with Client(VERIFY) as connected:
        apt("remove", *PACKAGES)
        connected.closed()
    assert not os.path.exists(f"/proc/{pid}"), "the process still runs"
    assert_equal(glob.glob("/run/jeton*/*"), [])
    assert_equal(run("systemctl", "list-units", "--plain", "--no-legend",
             "--state=active,activating,deactivating,failed", "jetond*", "jeton-stats*", "jeton-gateway*", "jeton-fleet*"), "")
    assert os.path.exists(STORE)
    assert os.path.exists("/etc/jeton/jetond.conf")
    with open("/etc/pam.d/common-auth") as file:
        assert "pam_jeton" not in file.read(), "the profile is disabled"


@timeout(60)
def reinstalled_packages_have_the_tokens():
    apt("install", *glob.glob(f"{os.getcwd()}/new/*.deb"))
    return f"{verify_all()} tokens"


@timeout(40)
def a_purge_leaves_no_state():
    apt("purge", *PACKAGES)
    left = [path for path in ("/run/jeton", "/run/jeton-gateway", "/run/jeton-fleet", "/var/lib/jeton", "/etc/jeton", "/usr/lib/jeton",
                              "/usr/lib/python3/dist-packages/jeton", "/usr/lib/nginx/modules/ngx_http_jeton_module.so")
            if os.path.exists(path)]
    assert_equal(left + glob.glob("/etc/nginx/modules-enabled/*jeton*"), [])
    assert_equal(glob.glob("/etc/systemd/system/**/jeton*", recursive=True),
         ["/etc/systemd/system/jeton-boot.service"])
    assert_equal(glob.glob("/var/lib/systemd/deb-systemd-helper-enabled/**/jeton*", recursive=True), [])
    assert_equal(run("sh", "-c", "dpkg-query -W -f '${Package} ${Status}\n' '*jeton*' 2>/dev/null | "
             "grep -v not-installed", check=False), "")


def make_install_works_as_the_readme_says():
    run("sh", "-c", "tar -cC tree . | tar -xC / --keep-directory-symlink")
    for command in ("userdel jeton", "userdel jeton-gateway", "userdel jeton-fleet", "groupdel jeton-admin", "groupdel jeton-observe",
                    "groupdel jeton-table", "systemd-sysusers", "systemd-tmpfiles --create jeton.conf",
                    "systemctl daemon-reload", "ldconfig",
                    "systemctl enable --now jetond-admin.socket jetond-verify.socket"):
        run(*command.split())
    assert_equal(state("jetond.service"), "inactive")
    run("jeton", "create", "description=first", "ttl=1h")
    assert_equal(os.readlink(f"/proc/{main_pid()}/exe"), "/usr/local/sbin/jetond")
    assert_equal(run("/usr/bin/python3", "-c", "import jeton; print(jeton.Jeton().check('x').word)"), "malformed")
    assert_equal(grp.getgrgid(os.stat(ADMIN).st_gid).gr_name, "jeton-admin")
    run("systemctl", "disable", "--now", "jetond-admin.socket", "jetond-verify.socket",
        "jetond.service")
    run("systemctl", "enable", "--now", "jetond.service")       # and with it its sockets
    assert_equal([state(f"jetond-{role}.socket") for role in ("admin", "verify")], ["active", "active"])
    assert len(glob.glob("/etc/systemd/system/sockets.target.wants/jetond-*.socket")) == 2

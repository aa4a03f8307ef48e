# SPDX-License-Identifier: Apache-2.0
"""Run the checks of one boot, in the container that ./run has booted.  They build on one another, in the
order of an operator's work with the packages; so a failed check ends the boot."""
import signal
import sys
import time
import traceback

import bindings
import fleet
import http_gateway
import nginx_module
import packages
import recovery
import units
import upgrade
import web_page
from support import Skip, run

TIMEOUT = 20                # seconds, unless a check sets its own
STAGES = {
    "first": [
        packages.packages_are_installed,
        units.sockets_listen_before_the_service_runs,
        units.first_connection_starts_the_service,
        units.protections_are_in_force_and_reported,
        units.roles_depend_on_groups_and_changes_record_uids,
        units.reload_applies_changed_settings,
        units.changes_are_in_the_journal,
        recovery.a_killed_daemon_answers_again_within_a_second,
        recovery.the_watchdog_restarts_a_hung_daemon,
        recovery.a_restart_refuses_no_connection,
        units.the_observe_socket_can_be_added,
        units.the_self_socket_can_be_added_and_users_have_their_own_tokens,
        recovery.a_wrong_configuration_is_reported_and_mended_by_a_restart,
        recovery.a_reload_of_a_wrong_configuration_fails_and_changes_nothing,
        recovery.a_restart_of_one_socket_keeps_all_of_them,
        units.statistics_are_written_for_prometheus,
        units.the_network_needs_both_the_drop_in_and_the_setting,
        packages.pam_accepts_a_token_as_password,
        packages.the_pam_profile_lets_tokens_in_and_locks_nobody_out,
        web_page.jeton_web_serves_its_user_with_the_rights_of_the_groups,
        web_page.cockpit_has_the_page_behind_its_login,
        http_gateway.the_first_connection_starts_the_gateway,
        http_gateway.a_reload_of_the_gateway_takes_over_its_sites_and_fails_visibly,
        http_gateway.the_monitoring_socket_can_be_added,
        http_gateway.a_tcp_port_can_be_added_to_the_socket,
        fleet.the_agent_confines_itself_and_tries_until_there_is_a_database,
        fleet.tokens_of_the_fleet_are_created_and_revoked_with_a_database,
        fleet.a_host_leaves_the_fleet_and_goes_on,
        bindings.the_python_module_verifies,
        bindings.the_lua_modules_verify,
        bindings.haproxy_lets_good_tokens_pass_by_the_example,
        bindings.haproxy_in_a_chroot_reaches_a_restarted_daemon,        # and ends: nginx takes its port
        http_gateway.nginx_lets_pass_whoever_has_a_token,
        nginx_module.the_nginx_module_lets_good_tokens_pass,
        upgrade.an_upgrade_refuses_no_connection_and_keeps_the_tokens,
    ],
    "second": [
        units.after_a_boot_the_first_connection_finds_the_tokens,
        http_gateway.nginx_lets_pass_whoever_has_a_token_after_a_boot_and_an_upgrade,
        nginx_module.the_nginx_module_lets_good_tokens_pass_after_a_boot_and_an_upgrade,
        nginx_module.nginx_goes_on_without_the_module,
        packages.removal_leaves_only_the_tokens_and_the_configuration,
        packages.reinstalled_packages_have_the_tokens,
        packages.a_purge_leaves_no_state,
        packages.make_install_works_as_the_readme_says,
    ],
}


def on_alarm(*_):
    raise TimeoutError("the check took too long")


def main():
    with open("stage") as file:
        checks = STAGES[file.read()]
    signal.signal(signal.SIGALRM, on_alarm)
    return 0 if all(map(passes, checks)) else 1


def passes(check):
    """Runs a check and prints its outcome.  False: it failed."""
    start = time.monotonic()
    signal.alarm(getattr(check, "timeout", TIMEOUT))
    try:
        remark = check()
        took = f"{time.monotonic() - start:.1f} s"
        print(f"[       OK ] {check.__name__}\n    {took}{'; ' + remark if remark else ''}", flush=True)
    except Skip as reason:
        print(f"[  SKIPPED ] {check.__name__}: {reason}", flush=True)
    except Exception:
        print(f"[  FAILED  ] {check.__name__}", flush=True)
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        signal.alarm(0)
        run("journalctl", "--no-pager", "-n", "60", "-o", "short-monotonic", "-u", "jetond*",
            "-u", "jeton-stats*", "-u", "jeton-gateway*", "-u", "jeton-fleet*", "-u", "nginx*", "-u", "haproxy*", "-u", "cockpit*", show=True, check=False)
        return False
    finally:
        signal.alarm(0)
    return True


if __name__ == "__main__":
    sys.exit(main())

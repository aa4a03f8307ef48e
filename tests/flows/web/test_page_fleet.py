# SPDX-License-Identifier: Apache-2.0
"""The page on a host of a fleet, whose agent is the test's."""
import pytest

from client import quote
from scripted_agent import FLEET, Agent, create
from hostile_daemon import SCRIPT, Fake, unharmed
from waiting import eventually_shown
from web_looks import WIDTHS, cut_off, look_at

ORIGIN = "here"     # what a scripted agent says of all


@pytest.fixture
def fleet(http_site, daemon):
    """(host, agent, page, browser); each step of the agent is the test's, unless it starts it."""
    host = daemon(roles=FLEET)
    with Agent(host) as agent:
        page, browser = http_site(path=host.path())
        yield host, agent, page, browser


def toast(browser, text, kind="info"):
    return browser.text(f"[data-toast={kind}]", text)


def begin(page, verb, token_id):
    """Ask for a change of a token by the button of its view, and do not wait for the answer."""
    page.go(f"token/{token_id}")
    page.browser.click(f"[data-view=token] [data-action={verb}]")
    page.browser.click(f"dialog[data-dialog={verb}] [data-action=confirm]")


def submit_create(page, group, **claims):
    page.begin_create(**claims)
    page.browser.type("[data-form=create] [data-field=group] input", group)
    page.browser.click("[data-form=create] [data-action=submit]")


# -- what is there ---------------------------------------------------------------------------------


def test_token_of_the_fleet_is_created_listed_and_shown_with_group_and_origin(fleet):
    host, agent, page, browser = fleet
    agent.start()
    local = host.create(description="of this host alone")["id"]
    page.open()
    submit_create(page, "web", description="shop front", subject="shop")
    value = browser.text("[data-pane=value] [data-name=value]")
    made = browser.text("[data-pane=value] [data-name=identifier]")
    assert "Every host of the group web" in browser.text("[data-pane=value] [data-name=group]", "as change")
    page.copy()
    browser.screenshot("fleet-value")
    page.ok()
    assert host.verify(value) == "OK"
    page.row(made, group=f"web \u00b7 {ORIGIN}")
    assert page.row(local)["group"] == "\u2014"
    browser.screenshot("fleet-tokens")
    page.go(f"token/{made}")
    assert browser.text("[data-claim=group]") == "web" and browser.text("[data-claim=origin]") == ORIGIN
    browser.wait(".history .place", "change")
    browser.screenshot("fleet-token")
    browser.click("[data-claim=group] a")
    eventually_shown(lambda: [row["id"] for row in page.rows()] == [made], "the group's tokens alone")
    page.go(f"token/{local}")
    browser.wait("[data-claim=group]", "of this host alone")


def test_list_is_filtered_by_group_by_origin_and_by_this_host_alone(fleet):
    host, agent, page, browser = fleet
    agent.start()
    ids = {name: create_in(host, name) for name in ("web", "mail", None)}
    page.open()
    for choice, wanted in (("web", "web"), ("mail", "mail"), (":host", None)):
        eventually_shown(lambda: browser.run("return [...document.querySelector('[data-field=group]').options].some(o => o.value === arguments[0])",
                                             choice), f"{choice} can be chosen")
        browser.run("const s = document.querySelector('[data-field=group]'); s.value = arguments[0]; "
                    "s.dispatchEvent(new Event('change', {bubbles: true}))", choice)
        eventually_shown(lambda: [row["id"] for row in page.rows()] == [ids[wanted]], f"{choice} is shown alone")
    page.go(f"tokens?origin={ORIGIN}", "tokens")
    eventually_shown(lambda: {row["id"] for row in page.rows()} & set(ids.values()) == {ids["web"], ids["mail"]}, "what was made there is shown alone")
    assert browser.run("return document.querySelector('[data-field=origin]').value") == ORIGIN
    page.go("tokens?group=nobody", "tokens")
    browser.click("[data-empty=filtered] [data-action=clear-filters]")
    eventually_shown(lambda: set(ids.values()) <= {row["id"] for row in page.rows()}, "all again")


def create_in(host, group):
    return host.create(description=f"of {group}", **({"group": group} if group else {}))["id"]


def test_page_of_a_host_in_no_fleet_has_nothing_of_it(http_site):
    page, browser = http_site()
    made = page.daemon.create(description="x")["id"]
    page.open()
    assert "group" not in page.row(made)
    assert browser.run("return document.querySelector('[data-field=group]').hidden")
    page.begin_create(description="y")
    assert browser.run("return document.querySelector('[data-form=create] [data-field=group]').hidden")
    page.submit()
    page.close_dialogs()
    page.go(f"token/{made}")
    browser.wait("[data-claim=created]")
    assert browser.all("[data-claim=group], [data-claim=origin]") == []


def test_name_that_no_group_can_have_is_not_sent(fleet):
    host, agent, page, browser = fleet
    page.open()
    submit_create(page, "-no group", description="x")
    browser.wait("[data-field=group] .field-error", "A group has letters")
    assert agent.take("0s") == []


def test_audit_shows_what_the_agent_brought_and_finds_it_by_identifier(fleet):
    host, agent, page, browser = fleet
    made = create(host, agent, description="brought")
    agent.catch_up()
    page.open()
    page.go("audit")
    browser.wait("[data-view=audit] [data-event=fleet]")
    browser.wait("[data-view=audit] .entry-changes", "The agent brought: ")
    browser.wait("[data-view=audit] .entry-changes", "A whole copy")
    browser.wait(f"[data-view=audit] .entry-changes a[href='#/token/{made['id']}']", within=15)
    browser.screenshot("fleet-audit")
    page.go(f"audit?id={made['id']}&event=fleet", "audit")
    eventually_shown(lambda: len(browser.all("[data-view=audit] tbody tr")) == 1, "the entry that names it")


# -- changes ---------------------------------------------------------------------------------------


def test_revocation_says_where_the_fleet_has_it(fleet):
    host, agent, page, browser = fleet
    made = create(host, agent, description="shop")
    page.open()
    page.row(made["id"])
    browser.click(f"tr[data-id='{made['id']}'] [data-action=revoke]")
    assert "on other hosts of the fleet as soon as" in browser.text("dialog[data-dialog=revoke]")
    browser.click("dialog[data-dialog=revoke] [data-action=confirm]")
    request = agent.take_one()
    place = agent.commit(request)
    assert browser.all("[data-toast]") == [], "nothing is said before it is so"
    agent.answer(request, place, seen=2, hosts=3)
    said = toast(browser, "1 token revoked.")
    assert f"as change {place.split(':')[0]}." in said and "In force on 2 of 3 hosts." in said
    page.row(made["id"], state="revoked")


def test_denial_that_nobody_takes_is_told_as_in_force_here_and_waiting(fleet):
    host, agent, page, browser = fleet
    made = create(host, agent, description="shop")
    agent.close()
    page.open()
    begin(page, "revoke", made["id"])
    said = toast(browser, "1 token is revoked on this host, but that is not confirmed", "error")
    assert "is sent to the database when that is reached" in said and "not changed" not in said
    browser.wait("[data-explain=revoked]")
    assert host.verify(made["token"]) == "NO revoked"
    browser.reload()
    browser.wait("[data-banner=unsent]:not([hidden])", "1 denial is not in the fleet’s database yet.")
    browser.screenshot("fleet-unsent")
    page.go("health")
    browser.wait("[data-check=fleet_unsent][data-level=warn]")
    browser.wait("[data-check=fleet_lease_seconds]")


def test_denial_that_the_database_refuses_is_told_as_of_this_host_alone(fleet):
    host, agent, page, browser = fleet
    made = create(host, agent, description="shop")
    page.open()
    begin(page, "disable", made["id"])
    agent.fail(agent.take_one(), "denied", SCRIPT)
    said = toast(browser, "1 token is disabled on this host", "error")
    assert "on this host alone" in said and SCRIPT in said
    unharmed(browser)
    browser.wait("[data-explain=disabled]")
    begin(page, "enable", made["id"])
    agent.fail(agent.take_one(), "unavailable", "no connection")
    toast(browser, "1 token was not changed", "error")
    assert host.verify(made["token"]) == "NO disabled"


def test_token_that_was_not_made_or_perhaps_is_told_so(fleet):
    host, agent, page, browser = fleet
    page.open()
    submit_create(page, "web", description="shop")
    agent.fail(agent.take_one(), "denied", "this host is no issuer")
    browser.wait("[data-form=create] [data-name=form-error]", "this host is no issuer")
    browser.click("[data-form=create] [data-action=submit]")
    request = agent.take_one()
    agent.fail(request, "not-confirmed", "the connection was lost")
    browser.wait("[data-form=create] [data-name=form-error]", "perhaps done")
    assert browser.text("[data-form=create] [data-name=form-error] [data-name=identifier]") == request["digest"][:20]
    browser.screenshot("fleet-perhaps")
    assert browser.all("[data-pane=value]") == []


def test_rotation_whose_old_token_is_not_confirmed_says_so_beside_the_value(fleet):
    host, agent, page, browser = fleet
    made = create(host, agent, description="shop")
    page.open()
    page.go(f"token/{made['id']}")
    browser.click("[data-view=token] [data-action=rotate]")
    browser.click("[data-form=rotate] [data-action=submit]")
    request = agent.take_one()
    agent.answer(request, agent.commit(request))
    assert agent.take_one()["event"] == "revoke"
    agent.close()
    browser.wait("[data-pane=value] [data-name=old-pending]", "has not confirmed that yet")
    value = browser.text("[data-pane=value] [data-name=value]")
    assert [host.verify(one) for one in (value, made["token"])] == ["OK", "NO revoked"]
    page.copy()
    page.ok()


def revoked_of_many(fleet, count, choose):
    """Make tokens of the fleet, and let the page revoke them; the database takes the first one alone."""
    host, agent, page, browser = fleet
    agent.start()
    with host.client() as client:
        made = client.pipeline([f"create group=web subject=leaver description=n{number}" for number in range(count)])
    assert {reply.verdict for reply in made} == {"OK"}
    agent.close()
    page.open()
    page.go("tokens?group=web", "tokens")
    eventually_shown(lambda: len(page.rows()) == min(count, 100), "the fleet's")
    with Agent(host, agent.changes) as other:
        browser.click("[data-action=select-page]")
        choose(browser)
        requests = other.take()
        while len(requests) < count:
            requests += other.take()
        other.carry_out(requests[:1])
        for request in requests[1:]:
            other.fail(request, "denied", "not yours")
    assert {host.verify(reply["token"]) for reply in made} == {"NO revoked"}


def test_several_say_how_many_were_confirmed(fleet):
    def choose(browser):
        browser.click("[data-action=revoke-selected]")
        browser.click("dialog[data-dialog=revoke] [data-action=confirm]")
    revoked_of_many(fleet, 3, choose)
    browser = fleet[-1]
    toast(browser, "2 tokens are revoked on this host, but that is not confirmed", "error")
    toast(browser, "1 token revoked.")


def test_all_that_match_say_how_many_were_confirmed(fleet):
    def choose(browser):
        browser.click("[data-action=revoke-matching]")
        assert "group=web" in browser.text("dialog[data-dialog=revoke-matching]", "on other hosts of the fleet")
        browser.click("dialog[data-dialog=revoke-matching] [data-action=confirm]")
    revoked_of_many(fleet, 101, choose)
    toast(fleet[-1], "of 101 tokens changed.", "error")


# -- strangers -------------------------------------------------------------------------------------


def test_what_a_hostile_daemon_says_of_the_fleet_is_shown_as_text(http_site):
    fake = Fake()
    page, browser = http_site(path=fake.path)
    evil, token_id = quote(SCRIPT), "7976c1770b139b2cf9d2"
    ids = quote(f"{SCRIPT},{token_id}")
    token = (f"* id={token_id} state=active created=2026-11-24T05:51:41Z by=uid:0 description=x "
             f"group={evil} origin={evil}\nOK count=1\n")
    fake.answers["hello"] = fake.HELLO.replace("\n", " fleet=yes\n")
    fake.answers |= dict.fromkeys(("list", "show"), token)
    fake.answers["journal"] = (f"* serial=2 time=2026-11-24T05:51:41Z event=fleet by=uid:0 place={evil} puts={evil} denies=-1 drops=9e9 "
                               f"snapshot={evil} ids={ids} epoch=abcdef0123456789\n"
                               f"* serial=1 time=2026-11-24T05:51:41Z event=create id={token_id} by=uid:0 group={evil} place={evil} "
                               "epoch=abcdef0123456789\nOK count=2 epoch=abcdef0123456789\n")
    fake.answers["create"] = (f"OK id={token_id} token=x created=2026-11-24T05:51:41Z state=active group={evil} place={evil} "
                              f"seen={evil} hosts={evil} pending={evil}\n")
    fake.answers["revoke"] = f"OK id={token_id} state=revoked place={evil} seen={evil} hosts={evil}\n"
    page.open()
    page.row(token_id)
    unharmed(browser)
    page.go("audit")
    browser.wait("[data-view=audit] .entry-changes", "The agent brought")
    unharmed(browser)
    begin(page, "revoke", token_id)
    assert SCRIPT.split(":", maxsplit=1)[0] in toast(browser, "1 token revoked.")
    unharmed(browser)
    page.go("tokens")
    submit_create(page, "web", description="x")
    browser.wait("[data-pane=value] [data-name=old-pending]")
    unharmed(browser)


# -- looks -----------------------------------------------------------------------------------------


def test_views_of_a_fleet_are_accessible_and_fit(fleet):
    host, agent, page, browser = fleet
    agent.start()
    host.create(group="web", description="release-pipeline-of-the-web-shop-in-one-word", subject="a-subject-of-many-words-in-one",
                scopes="deploy,registry:push,repo:read", ttl="30d")
    made = host.create(group="g".ljust(64, "7"), description="shop")
    agent.close()
    assert host.ask(f"revoke {made['id']}").verdict == "ERR unavailable"
    page.open()
    views = {"fleet-tokens": lambda: page.go("tokens"), "fleet-token": lambda: page.go(f"token/{made['id']}"), "fleet-health": lambda: page.go("health"),
             "fleet-audit": lambda: page.go("audit"), "fleet-create": lambda: page.go("tokens").begin_create(description="x")}
    faults = []
    for name, show in views.items():
        show()
        faults += [fault for width in WIDTHS for fault in look_at(browser, name, "light", width)]
        for width in 360, 1010, 1180, 1280:
            browser.size(width, 900)
            faults += cut_off(browser, name, width)
        browser.size(1400, 900)
    assert faults == []

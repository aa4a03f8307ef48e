# SPDX-License-Identifier: Apache-2.0
"""The page on the socket for users' own tokens."""
import os
import pwd

NAME = pwd.getpwuid(os.geteuid()).pw_name


def own_site(http_site, daemon, *settings):
    d = daemon("self.scopes=imap,smtp", *settings, roles=("admin", "verify", "self"))
    page, browser = http_site(path=d.path("self"))
    return d, page.open(), browser


def test_user_is_shown_whose_the_tokens_are_and_how_many_there_may_be(http_site, daemon):
    d, page, browser = own_site(http_site, daemon, "self.max_tokens_per_subject=3", "policy.max_tokens_per_subject=2")
    browser.wait("[data-name=allowance]", f"name {NAME}. You have 0 of 2.")
    assert not browser.all("[data-view-link=policy]")
    page.begin_create(description="mail", scopes=["imap"])
    assert browser.text("[data-name=own-subject]") == f"It speaks for you, {NAME}."
    page.submit()
    page.copy()
    page.ok()
    browser.wait("[data-name=allowance]", "1 of 2.")
    page.begin_create(description="one more", scopes=["smtp"])
    d.done("create description=meanwhile", "self")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait("[data-form=create] [data-name=form-error]", "as many tokens")
    browser.click("[data-form=create] [data-action=cancel]")
    page.go("whose")
    page.go("tokens")           # which asks at once; by itself it does so now and then
    browser.wait("[data-name=allowance]", "2 of 2. Revoke one")


def test_rules_for_users_are_marked_and_the_subject_that_the_daemon_sets_is_not_asked_for(http_site, daemon):
    d, page, browser = own_site(http_site, daemon, "self.max_ttl=60d", "policy.require=subject,description", "policy.scopes=imap")
    page.begin_create()
    browser.wait("[data-field=lifetime] [data-option=rule]:checked + span", "60 days")
    assert browser.run("return ['90d', 'never'].every(one => document.querySelector(`[data-option='${one}']`).disabled)")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait("[data-field=description] .field-error", "requires")
    browser.type("[data-field=description] input", "mail")
    browser.type("[data-field=scope-input]", "imap,smtp\n")
    browser.wait(".chip-refused[data-scope=smtp]")
    browser.click("[data-scope=smtp] button")
    page.submit()
    [row] = d.list()
    assert (row["subject"], row["scopes"]) == (NAME, "imap") and "expires" in row

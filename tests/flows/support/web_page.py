# SPDX-License-Identifier: Apache-2.0
"""What a person does in the page, by the names that the page gives to its parts (data-…)."""
import keys
from jeton_command import JETON
from waiting import eventually
from web import Web


def jeton_web(socket):
    """`jeton web` in front of a socket, as a person starts it, but for the browser."""
    return Web(socket, program=(JETON, "-S", socket, "web", "--no-browser"))


class Page:
    """The page in a browser, as a server has it in front of a daemon."""

    def __init__(self, browser, server, daemon):
        self.browser, self.server, self.daemon = browser, server, daemon

    def open(self):
        self.browser.open(self.server.link)
        return self.loaded()

    def loaded(self, view="tokens"):
        self.browser.wait(f"[data-view={view}] h2")
        return self

    def go(self, route, view=None):
        """Follow a route as a link does."""
        self.browser.run("location.hash = arguments[0]", f"#/{route}")
        return self.loaded(view or route.split("/")[0].split("?")[0])

    # -- the list --------------------------------------------------------------------------------

    def rows(self):
        """Return the list's rows as they are shown: {column: text}."""
        return self.browser.run("""
            return [...document.querySelectorAll("tbody tr[data-id]")].map(row => ({
                ...Object.fromEntries([...row.querySelectorAll("[data-column]")].map(cell => [cell.dataset.column, cell.innerText.trim()])),
                scopes: [...row.querySelectorAll("[data-column=scopes] .chip")].map(chip => chip.innerText).join(),
                id: row.dataset.id, state: row.querySelector("[data-state]")?.dataset.state }))""")

    def row(self, token_id, within=10, **shown):
        """Wait for a row that shows this; return it."""
        def there():
            for row in self.rows():
                if row["id"] == token_id and (not shown or any(row.get(key) == value for key, value in shown.items())):
                    return row
            return None
        try:
            return eventually(there, f"a row of {token_id} with {shown}", within, every=0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}; there are {self.rows()}") from None

    # -- dialogs ---------------------------------------------------------------------------------

    def begin_create(self, description="", subject="", scopes=(), lifetime=None):
        browser = self.browser
        browser.click("[data-action=create]")
        browser.wait("[data-form=create]")
        if description:
            browser.type("[data-field=description] input", description)
        if subject:
            browser.type("[data-field=subject] input", subject)
        for scope in scopes:
            browser.type("[data-field=scope-input]", scope + "\n")
        if lifetime:
            browser.click(f"[data-form=create] label:has([data-option='{lifetime}'])")

    def submit(self, form="create"):
        """Send the form; return (identifier, value) as shown."""
        browser = self.browser
        browser.click(f"[data-form={form}] [data-action=submit]")
        value = browser.text("[data-pane=value] [data-name=value]")
        return browser.text("[data-pane=value] [data-name=identifier]"), value

    def create(self, **how):
        self.begin_create(**how)
        return self.submit()

    def copy(self):
        """Press Copy; return what is in the clipboard then."""
        self.browser.click("[data-action=copy-value]")
        self.browser.wait("[data-action=copy-value]", "Copied")
        return self.browser.clipboard()

    def ok(self):
        self.browser.click("[data-pane=value] [data-action=ok]")
        self.browser.gone("dialog")

    def close_dialogs(self):
        """Leave whatever dialog is open, also without having copied."""
        browser = self.browser
        top = "return [...document.querySelectorAll('dialog[open]')].at(-1)?.dataset.dialog ?? null"
        while (name := browser.run(top)) is not None:
            if name in ("not-copied", "discard"):
                browser.click(f"dialog[data-dialog={name}] [data-action=confirm]")
            else:
                browser.keys(keys.ESCAPE)
            eventually(lambda: browser.run(top) != name, f"{name} is left")

    def confirm(self, dialog, text=None):
        """Agree to a question, after it was shown with this text; return all that it said."""
        said = self.browser.text(f"dialog[data-dialog={dialog}]", text)
        self.browser.click(f"dialog[data-dialog={dialog}] [data-action=confirm]")
        self.browser.gone(f"dialog[data-dialog={dialog}]")
        return said

    def revoke(self, token_id, text=None):
        """Revoke a token by the button of its row."""
        self.browser.click(f"tr[data-id='{token_id}'] [data-action=revoke]")
        return self.confirm("revoke", text)

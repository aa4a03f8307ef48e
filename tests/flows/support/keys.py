# SPDX-License-Identifier: Apache-2.0
"""Keys, and what a keyboard says of them: those that have no character have one that WebDriver (15.4.2) gives them."""
BACKSPACE, TAB, ENTER, SHIFT, ESCAPE, SPACE, RIGHT = "\ue003", "\ue004", "\ue007", "\ue008", "\ue00c", "\ue00d", "\ue014"
NAMED = {BACKSPACE: ("Backspace", 8, ""), TAB: ("Tab", 9, ""), ENTER: ("Enter", 13, "\r"), SHIFT: ("ShiftLeft", 16, ""),
         ESCAPE: ("Escape", 27, ""), SPACE: ("Space", 32, " "), RIGHT: ("ArrowRight", 39, "")}
SHIFTED = 8         # among an event's modifiers


def described(key):
    """Return what Input.dispatchKeyEvent wants of a key."""
    key = ENTER if key == "\n" else SPACE if key == " " else key
    if key in NAMED:
        code, number, text = NAMED[key]
        name = " " if key == SPACE else "Shift" if key == SHIFT else code
        return {"key": name, "code": code, "windowsVirtualKeyCode": number} | ({"text": text} if text else {})
    return {"key": key, "text": key} | ({"windowsVirtualKeyCode": ord(key.upper())} if key.isascii() and key.isalnum() else {})


def pressed(text, modifiers=0):
    """Return the events of keys that are pressed one after the other."""
    events = []
    for key in text:
        down = described(key)
        up = {name: value for name, value in down.items() if name != "text"}
        events += [{"type": "keyDown", "modifiers": modifiers} | down, {"type": "keyUp", "modifiers": modifiers} | up]
    return events

# SPDX-License-Identifier: Apache-2.0
"""Keys that have no character (WebDriver, 15.4.2)."""
BACKSPACE, TAB, ENTER, SHIFT, ESCAPE, SPACE, RIGHT = "\ue003", "\ue004", "\ue007", "\ue008", "\ue00c", "\ue00d", "\ue014"

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a value from where it is neither seen nor kept. */
#ifndef JETON_PLUGIN_CLI_PROMPT_H
#define JETON_PLUGIN_CLI_PROMPT_H

#include <stddef.h>
#include <sys/types.h>

/* Reads one line, without its end.  If standard input is a terminal, asks there with `prompt`,
 * and what is typed is not shown; a signal restores the terminal before it does what it does.
 * Otherwise takes the first line of standard input, and not a byte more.  At most `room` bytes:
 * of a longer line the rest is left.  Returns the length, or -errno; -ENODATA if the input ends
 * before anything came. */
ssize_t cli_prompt_read(const char *prompt, char *value, size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Read a value without showing it or leaving a copy. */
#ifndef JETON_PLUGIN_CLI_PROMPT_H
#define JETON_PLUGIN_CLI_PROMPT_H

#include <stddef.h>
#include <sys/types.h>

/* Read one line, without its end.  If standard input is a terminal, prompt there and turn echo off;
 * a signal restores the terminal before it takes effect.  Otherwise read the first line of standard
 * input, and not a byte more.  At most `size` bytes: the rest of a longer line is left.  Return the
 * length, or -errno; -ENODATA if the input is empty. */
ssize_t cli_prompt_read(const char *prompt, char *value, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Open the link in the user's browser, if there is a desktop. */
#ifndef JETON_PLUGIN_WEB_BROWSER_H
#define JETON_PLUGIN_WEB_BROWSER_H

#include "proto/text.h"

/* Arguments of a process are shown to all users: the browser is given the path of a private file that
 * leads to the link.  Call it before the sandbox closes. */
void browser_open(struct slice link);

/* Return the path of that file, or NULL. */
const char *browser_file(void);

/* Remove the file, when it has been used. */
void browser_forget(void);

#endif

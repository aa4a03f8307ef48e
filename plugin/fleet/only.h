/* SPDX-License-Identifier: Apache-2.0 */
/* One agent for each jetond: a second one would only take turns with it.  An abstract Unix socket, named after the path of
 * jetond's, is the lock; it ends with the process.  Any user may bind such a name, so it counts only where root or
 * this user listens: nobody else stops an agent from starting. */
#ifndef JETON_PLUGIN_FLEET_ONLY_H
#define JETON_PLUGIN_FLEET_ONLY_H

/* Return NULL, or why it must not run; the text stays. */
const char *only_take(const char *path);

#endif

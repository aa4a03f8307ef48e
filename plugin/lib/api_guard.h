/* SPDX-License-Identifier: Apache-2.0 */
/* The guard of a public function: from begin to end the thread cannot be cancelled, and end
 * restores its errno.  It lies on the stack of the calling thread. */
#ifndef JETON_PLUGIN_LIB_API_GUARD_H
#define JETON_PLUGIN_LIB_API_GUARD_H

struct api_guard {
    int error;        /* errno of the caller */
    int cancel_state; /* state of the caller, of pthread_setcancelstate(3) */
};

struct api_guard api_guard_begin(void);
void api_guard_end(struct api_guard guard);

#endif

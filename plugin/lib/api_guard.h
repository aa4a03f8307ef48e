/* SPDX-License-Identifier: Apache-2.0 */
/* What a public function spares its caller: between begin and end the thread cannot be cancelled,
 * and end restores its errno.  On the stack of the calling thread. */
#ifndef JETON_PLUGIN_LIB_API_GUARD_H
#define JETON_PLUGIN_LIB_API_GUARD_H

struct api_guard {
    int error;        /* the caller's errno */
    int cancel_state; /* the caller's, of pthread_setcancelstate(3) */
};

struct api_guard api_guard_begin(void);
void api_guard_end(struct api_guard guard);

#endif

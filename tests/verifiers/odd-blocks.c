/* SPDX-License-Identifier: Apache-2.0 */
/* The same verifier, with the right to block. */
#define FLAGS JETON_VERIFIER_MAY_BLOCK
#include "odd.c"

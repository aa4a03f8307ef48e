/* SPDX-License-Identifier: Apache-2.0 */
/* The same verifier, for another jetond. */
#define ABI 99
#include "odd.c"

/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier unit_hangs as one that does not block, but computes for long. */
#define UNIT_FLAGS JETON_VERIFIER_COSTLY
#include "tests/verifiers/unit_hangs.c"

/* SPDX-License-Identifier: Apache-2.0 */
/* The same verifier, as one that may block. */
#define UNIT_FLAGS JETON_VERIFIER_MAY_BLOCK
#include "tests/verifiers/unit_answers.c"

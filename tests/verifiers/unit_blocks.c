/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier that may block. */
#define UNIT_NAME "unit-blocks"
#define UNIT_FLAGS JETON_VERIFIER_MAY_BLOCK
#include "tests/verifiers/unit_plain.c"

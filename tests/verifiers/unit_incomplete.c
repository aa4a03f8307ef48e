/* SPDX-License-Identifier: Apache-2.0 */
/* Without verify(). */
#define UNIT_INCOMPLETE 1
#include "tests/verifiers/unit_plain.c"

/* SPDX-License-Identifier: Apache-2.0 */
/* Without verify(). */
#define UNIT_LACKS 1
#include "tests/verifiers/unit_plain.c"

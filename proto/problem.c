/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/problem.h"

#include <stdarg.h>
#include <stdio.h>

enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
{
    va_list args;

    problem->status = status;
    va_start(args, format);
    vsnprintf(problem->message, sizeof(problem->message), format, args);
    va_end(args);
    return status;
}

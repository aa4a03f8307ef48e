/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/arguments.h"

#include <stdio.h>

#include "proto/stamp.h"

static const struct argument_row *row_named(const struct argument_row *rows, size_t count,
                                            const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static bool is_given(const struct argument_row *row, const struct jeton_argument *arguments,
                     size_t given)
{
    for (size_t i = 0; i < given; i++)
        if (strcmp(arguments[i].key, row->key) == 0)
            return true;
    return false;
}

static bool read_one(const struct argument_row *row, void *to, const struct jeton_argument *all,
                     size_t at, char *problem, size_t size)
{
    const struct jeton_argument *a = &all[at];

    if (row == NULL)
        snprintf(problem, size, "there is no argument %.60s=", a->key);
    else if (!row->repeated && is_given(row, all, at))
        snprintf(problem, size, "%s= is given twice", a->key);
    else if (!row->read((char *)to + row->offset, slice_of(a->value)))
        snprintf(problem, size, "%s=: this should be %s", a->key, row->expected);
    else
        return true;
    return false;
}

bool arguments_read(const struct argument_row *rows, size_t count, void *to,
                    const struct jeton_argument *arguments, size_t given, char *problem,
                    size_t size)
{
    for (size_t i = 0; i < given; i++)
        if (!read_one(row_named(rows, count, arguments[i].key), to, arguments, i, problem, size))
            return false;
    for (size_t i = 0; i < count; i++)
        if (rows[i].required && !is_given(&rows[i], arguments, given)) {
            snprintf(problem, size, "%s= is missing: it should be %s", rows[i].key,
                     rows[i].expected);
            return false;
        }
    return true;
}

bool argument_text(void *field, struct slice value)
{
    *(const char **)field = value.at;
    return value.len > 0;
}

bool argument_duration(void *field, struct slice value)
{
    return duration_parse(value, field);
}

bool argument_number(void *field, struct slice value)
{
    return number_parse(value, UINT32_MAX, field);
}

bool argument_flag(void *field, struct slice value)
{
    *(bool *)field = slice_is(value, "yes");
    return slice_is(value, "yes") || slice_is(value, "no");
}

bool argument_append(void *field, struct slice value)
{
    struct argument_list *list = field;

    if (value.len == 0 || list->count == ARGUMENT_LIST_MAX)
        return false;
    list->text[list->count++] = value.at;
    return true;
}

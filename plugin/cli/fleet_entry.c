/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/fleet_entry.h"

#include "plugin/cli/escape.h"

enum { INDENT = 4 };

/* What is added, and where on its line that is. */
struct paragraph {
    struct cli_buffer *b;
    size_t terminal, indent, at;
};

static struct paragraph begin(struct cli_buffer *b, const char *label, size_t terminal)
{
    size_t indent = INDENT + strlen(label) + 1;

    cli_buffer_pad(b, INDENT);
    cli_buffer_adds(b, label);
    cli_buffer_addc(b, ':');
    return (struct paragraph){ .b = b, .terminal = terminal, .indent = indent, .at = indent };
}

/* Add a word behind a space, on the next line if this one is full. */
static void put_word(struct paragraph *p, struct slice word)
{
    if (p->at > p->indent && p->at + 1 + cli_escape_width(word) > p->terminal) {
        cli_buffer_addc(p->b, '\n');
        cli_buffer_pad(p->b, p->indent);
        p->at = p->indent;
    }
    cli_buffer_addc(p->b, ' ');
    p->at += 1 + cli_escape_put(p->b, word, SIZE_MAX);
}

static void end(const struct paragraph *p)
{
    cli_buffer_addc(p->b, '\n');
}

static uint64_t number_of(const struct line *entry, const char *key)
{
    uint64_t number = 0;

    return number_parse(line_get(entry, key), UINT64_MAX, &number) ? number : 0;
}

/* Add a count as it stands in the entry, and what it counts. */
static void put_count(struct paragraph *p, const struct line *entry, const char *key,
                      const char *what)
{
    put_word(p, line_get(entry, key));
    put_word(p, slice_of(what));
}

static void put_counts(struct cli_buffer *b, const struct line *entry, size_t terminal)
{
    struct paragraph p = begin(b, "fleet", terminal);
    bool snapshot = line_get(entry, "snapshot").at != NULL;
    bool rewound = line_get(entry, "rewound").at != NULL;

    put_count(&p, entry, "puts", "put,");
    put_count(&p, entry, "denies", "denied,");
    put_count(&p, entry, "drops", snapshot || rewound ? "dropped;" : "dropped");
    if (snapshot)
        put_word(&p, slice_of(rewound ? "a whole copy;" : "a whole copy"));
    if (rewound)
        put_word(&p, slice_of("went back to an earlier place"));
    end(&p);
}

/* Cut the next identifier off a list. */
static struct slice next_id(struct slice *ids)
{
    const char *comma = memchr(ids->at, ',', ids->len);
    struct slice id = { ids->at, comma != NULL ? (size_t)(comma - ids->at) : ids->len };
    size_t taken = id.len + (comma != NULL ? 1 : 0);

    *ids = (struct slice){ ids->at + taken, ids->len - taken };
    return id;
}

static void put_ids(struct cli_buffer *b, const struct line *entry, size_t terminal)
{
    struct slice ids = line_get(entry, "ids");
    uint64_t all = number_of(entry, "puts") + number_of(entry, "denies") +
                   number_of(entry, "drops");
    uint64_t named = 0;
    char buffer[32];
    struct text more = text_in(buffer, sizeof(buffer));

    if (ids.len == 0)
        return;
    struct paragraph p = begin(b, "tokens", terminal);
    for (; ids.len > 0; named++)
        put_word(&p, next_id(&ids));
    if (all > named) {
        text_addf(&more, "and %llu more", (unsigned long long)(all - named));
        put_word(&p, text_slice(&more));
    }
    end(&p);
}

static void put_one(struct cli_buffer *b, const struct line *entry, const char *key,
                    size_t terminal)
{
    struct slice text = line_get(entry, key);

    if (text.len == 0)
        return;
    struct paragraph p = begin(b, key, terminal);
    put_word(&p, text);
    end(&p);
}

void cli_fleet_entry_put(struct cli_buffer *b, const struct line *entry, size_t terminal)
{
    if (line_get(entry, "puts").at != NULL)
        put_counts(b, entry, terminal);
    put_one(b, entry, "group", terminal);
    put_one(b, entry, "place", terminal);
    put_ids(b, entry, terminal);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/complete.h"

#include <unistd.h>

#include "plugin/cli/fleet.h"
#include "plugin/cli/fleet_words.h"
#include "plugin/cli/key.h"
#include "plugin/cli/offer.h"
#include "plugin/cli/options.h"
#include "proto/token.h"

enum {
    WORDS_MAX = 64 * 1024,
    IDS_MAX = 1000,
    TIME_MAX = 2000, /* milliseconds, for identifiers: somebody waits at the keyboard */
};

/* What stands before the cursor. */
struct completion {
    struct cli_request *c;
    struct slice current;             /* the word to be completed */
    const struct cli_option *pending; /* the word is its argument */
    struct slice key;                 /* the word is the value of this key, if not empty */
    enum verb verb;                   /* VERB_COUNT: none was given, or one of the command's own */
    const struct cli_verb *own;       /* that one, or NULL: it takes nothing but options */
    struct cli_fleet_words fleet;     /* of `fleet`, whose words and options are others */
    const struct cli_verb *verbs;
    size_t verb_count;
    bool given[KEY_COUNT]; /* the keys that were */
    bool has_word;         /* the verb's word was given */
};

/* Verbs that make no sense of tokens in other states. */
static const struct {
    enum verb verb;
    const char *state;
} states[] = {
    { VERB_ENABLE, "disabled" },
    { VERB_DISABLE, "active" },
    { VERB_ROTATE, "active" },
};

/* -- reading ---------------------------------------------------------------------------------- */

/* Return the name of a key as it may be typed: with '-' for '_', and without its value. */
static enum key typed_key(struct slice text)
{
    char name[LINE_KEY_MAX];
    const char *end = memchr(text.at, '=', text.len);
    size_t len = end != NULL ? (size_t)(end - text.at) : text.len;

    for (size_t i = 0; i < len && len <= sizeof(name); i++)
        name[i] = text.at[i] == '-' ? '_' : text.at[i];
    return len <= sizeof(name) ? cli_key_named((struct slice){ name, len }) : KEY_COUNT;
}

static void take_key(struct completion *m, struct slice text, bool is_option)
{
    enum key key = typed_key(text);

    if (key == KEY_COUNT)
        return;
    m->given[key] = true;
    if (is_option && memchr(text.at, '=', text.len) == NULL &&
        cli_key_row(slice_of(key_name(key)), m->verb).type != CLI_KEY_FLAG)
        m->key = slice_of(key_name(key));
}

static void take_option(struct completion *m, const char *word)
{
    bool is_long = word[1] == '-';
    struct slice name = { word + 1 + is_long, strcspn(word + 1 + is_long, "=") };
    const struct cli_option *o = cli_option_named(name, is_long ? 0 : word[strlen(word) - 1]);

    if (o == NULL && is_long)
        take_key(m, slice_of(word + 2), true);
    if (o == NULL || o->take == NULL)
        return;
    if (name.at[name.len] == '=')
        o->take(m->c, name.at + name.len + 1);
    else
        m->pending = o;
}

static void take_verb(struct completion *m, const char *word)
{
    m->verb = verb_named(slice_of(word));
    for (size_t i = 0; i < m->verb_count; i++)
        if (m->verbs[i].verb == VERB_COUNT && strcmp(m->verbs[i].name, word) == 0)
            m->own = &m->verbs[i];
    if (m->verb == VERB_FLEET) /* the protocol's is the agent's */
        m->verb = VERB_COUNT;
}

static bool is_fleet(const struct completion *m)
{
    return m->own != NULL && m->own->run == cli_fleet;
}

/* Take a word before the cursor. */
static void take_word(struct completion *m, const char *word)
{
    if (is_fleet(m)) {
        cli_fleet_words_take(&m->fleet, word);
    } else if (m->pending != NULL) {
        m->pending->take(m->c, word);
        m->pending = NULL;
    } else if (m->key.len > 0) {
        m->key.len = 0;
    } else if (word[0] == '-' && word[1] != '\0') {
        take_option(m, word);
    } else if (m->verb == VERB_COUNT) {
        take_verb(m, word);
    } else if (cli_request_key_length(word) > 0) {
        take_key(m, slice_of(word), false);
    } else {
        m->has_word = true;
    }
}

/* -- offering --------------------------------------------------------------------------------- */

static void offer(struct completion *m, const char *before, struct slice text, const char *after,
                  struct slice description)
{
    cli_offer(&m->c->output.bytes, m->current, before, text, after, description);
}

static void offer_verbs(struct completion *m)
{
    for (size_t i = 0; i < m->verb_count; i++) {
        const struct cli_verb *verb = &m->verbs[i];
        offer(m, "", slice_of(cli_verb_name(verb)), "",
              slice_of(verb->summary != NULL ? verb->summary : verb_row(verb->verb)->summary));
    }
}

/* Return a key's name as it is typed, with '-' for '_' if it is an option. */
static const char *option_name(enum key key, char name[LINE_KEY_MAX + 1])
{
    size_t i = 0;

    for (; key_name(key)[i] != '\0' && i < LINE_KEY_MAX; i++)
        name[i] = key_name(key)[i] == '_' ? '-' : key_name(key)[i];
    name[i] = '\0';
    return name;
}

/* Offer the keys of the verb, as options if the word begins so. */
static void offer_keys(struct completion *m)
{
    bool has_id = verb_row(m->verb)->word == KEY_ID && (m->has_word || m->given[KEY_ID]);
    uint64_t refused = has_id ? request_many_keys(m->verb) : 0;
    bool dashed = slice_begins(m->current, "-");
    char name[LINE_KEY_MAX + 1];

    for (enum key key = 0; key < KEY_COUNT; key++) {
        struct cli_key row = cli_key_row(slice_of(key_name(key)), m->verb);
        if (!cli_key_of_verb(m->verb, key) || m->given[key] || verb_row(m->verb)->word == key ||
            (refused & KEY_BIT(key)) != 0)
            continue;
        offer(m, dashed ? "--" : "", slice_of(dashed ? option_name(key, name) : key_name(key)),
              dashed && row.type == CLI_KEY_FLAG ? "" : "=", slice_of(row.summary));
    }
}

static void offer_options(struct completion *m)
{
    const char *verb = m->own != NULL       ? m->own->name :
                       m->verb < VERB_COUNT ? verb_row(m->verb)->name :
                                              "";
    const struct cli_option *o;

    for (size_t i = 0; (o = cli_option_row(i)) != NULL; i++)
        if (o->verbs == NULL || strstr(o->verbs, verb) != NULL)
            offer(m, "--", slice_of(o->name), "", slice_of(o->summary));
    if (m->verb != VERB_COUNT)
        offer_keys(m);
}

/* Cut the next word off a text of words; false at its end. */
static bool next_word(const char **words, struct slice *word)
{
    if (*words == NULL || **words == '\0')
        return false;
    *word = (struct slice){ *words, strcspn(*words, " ") };
    *words += word->len + strspn(*words + word->len, " ");
    return true;
}

/* Offer the words of a key. */
static void offer_words(struct completion *m, const char *before, const char *words)
{
    struct slice word;

    while (next_word(&words, &word))
        offer(m, before, word, "", (struct slice){ NULL, 0 });
}

static bool list_has(struct slice list, struct slice word)
{
    for (size_t at = 0, len; at < list.len; at += len + 1) {
        for (len = 0; at + len < list.len && list.at[at + len] != ',';)
            len++;
        if (slice_equal((struct slice){ list.at + at, len }, word))
            return true;
    }
    return false;
}

/* Offer another word of a list, behind those that stand in the word after `before`. */
static void offer_list(struct completion *m, const char *before, const char *words)
{
    size_t begin = strlen(before), len = m->current.len;
    struct cli_buffer kept = { .at = NULL };
    struct slice word;

    while (len > begin && m->current.at[len - 1] != ',')
        len--;
    cli_buffer_add(&kept, m->current.at, len);
    cli_buffer_addc(&kept, '\0');
    while (next_word(&words, &word))
        if (!list_has((struct slice){ m->current.at + begin, len - begin }, word))
            offer(m, kept.at, word, "", (struct slice){ NULL, 0 });
    cli_buffer_free(&kept);
}

/* -- identifiers ------------------------------------------------------------------------------ */

static void offer_id(struct completion *m, const char *before, const struct line *line)
{
    static const char *const texts[] = { "description", "subject", "state" };
    struct slice id = line_get(line, "id"), text = { NULL, 0 };
    uint8_t bytes[ID_SIZE];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && text.len == 0; i++)
        text = line_get(line, texts[i]);
    if (token_id_parse(id, bytes))
        offer(m, before, id, "", text);
}

/* Offer the identifiers of the oldest tokens, as many as come in time. */
static void offer_ids(struct completion *m, const char *before)
{
    struct cli_request *c = m->c;
    int64_t end = cli_message_clock() + TIME_MAX;
    struct reply reply = { .final = false };
    struct text t = cli_buffer_reserve(&c->line, 64);

    text_addf(&t, "list limit=%d", IDS_MAX);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (states[i].verb == m->verb)
            line_puts(&t, "state", states[i].state);
    cli_buffer_commit(&c->line, &t);
    c->verb = VERB_LIST;
    c->connection.timeout = TIME_MAX;
    if (cli_request_send(c) != CLI_EXIT_YES)
        return;
    while (cli_message_clock() < end && cli_request_receive(c, &reply) == CLI_EXIT_YES &&
           !reply.final)
        offer_id(m, before, &reply.line);
}

/* -- the word --------------------------------------------------------------------------------- */

/* Offer values of a key; `before` is what stands before them in the word. */
static void offer_values(struct completion *m, struct slice key, const char *before)
{
    struct cli_key row = cli_key_row(key, m->verb);

    if (slice_is(key, key_name(KEY_ID)))
        offer_ids(m, before);
    else
        (row.type == CLI_KEY_LIST ? offer_list : offer_words)(m, before, row.words);
}

static void offer_arguments(struct completion *m)
{
    const char *equals = memchr(m->current.at, '=', m->current.len);
    char before[LINE_KEY_MAX + 4];
    size_t len = equals != NULL ? (size_t)(equals + 1 - m->current.at) : 0;
    size_t dashes = slice_begins(m->current, "--") ? 2 : 0;

    if (equals != NULL && len < sizeof(before)) {
        memcpy(before, m->current.at, len);
        before[len] = '\0';
        enum key key = typed_key((struct slice){ before + dashes, len - 1 - dashes });
        if (key < KEY_COUNT && cli_key_of_verb(m->verb, key))
            offer_values(m, slice_of(key_name(key)), before);
    } else if (equals == NULL) {
        offer_keys(m);
        if (verb_row(m->verb)->word == KEY_ID && !m->has_word && !m->given[KEY_ID])
            offer_ids(m, "");
    }
}

/* Offer arguments of an option. */
static void offer_option_words(struct completion *m, const struct cli_option *o, const char *before)
{
    if (o->take != NULL)
        offer_words(m, before,
                    strcmp(o->name, "format") == 0       ? "csv github gitlab htpasswd" :
                    strcmp(o->name, "idle") == 0         ? "15m 1h 8h 0s" :
                    strcmp(o->argument, "ADDRESS") == 0  ? "127.0.0.1:8080 [::1]:8080" :
                    strcmp(o->argument, "DURATION") == 0 ? "10s 1m 0s" :
                                                           NULL);
}

/* Return the option whose argument the word has behind its '=', with `before` up to that, or NULL. */
static const struct cli_option *option_of_word(const struct completion *m, char before[32])
{
    const char *equals = memchr(m->current.at, '=', m->current.len);
    size_t len = equals != NULL ? (size_t)(equals + 1 - m->current.at) : 0;

    if (!slice_begins(m->current, "--") || len < 3 || len >= 32)
        return NULL;
    memcpy(before, m->current.at, len);
    before[len] = '\0';
    return cli_option_named((struct slice){ before + 2, len - 3 }, 0);
}

static void offer_all(struct completion *m)
{
    char before[32];
    const struct cli_option *o = option_of_word(m, before);

    if (is_fleet(m))
        cli_fleet_words_offer(&m->fleet, &m->c->output.bytes, m->current);
    else if (m->pending != NULL && m->pending->take != NULL &&
             strcmp(m->pending->argument, "PATH") == 0)
        cli_buffer_adds(&m->c->output.bytes, "<files>\n");
    else if (m->pending != NULL)
        offer_option_words(m, m->pending, "");
    else if (m->key.len > 0)
        offer_values(m, m->key, "");
    else if (slice_begins(m->current, "--socket="))
        cli_buffer_adds(&m->c->output.bytes, "<files>\n");
    else if (o != NULL)
        offer_option_words(m, o, before);
    else if (slice_begins(m->current, "-") && memchr(m->current.at, '=', m->current.len) == NULL)
        offer_options(m);
    else if (m->verb == VERB_BACKUP && !m->has_word)
        cli_buffer_adds(&m->c->output.bytes, "<files>\n");
    else if (m->own != NULL)
        offer_options(m);
    else if (m->verb == VERB_COUNT || m->verb == VERB_HELP)
        offer_verbs(m);
    else
        offer_arguments(m);
}

/* Read the words into `text`; return their length.  Too many are none. */
static size_t read_words(char text[WORDS_MAX])
{
    size_t len = 0;
    ssize_t got;

    while (len < WORDS_MAX && (got = read(STDIN_FILENO, text + len, WORDS_MAX - len)) > 0)
        len += (size_t)got;
    return len > 0 && len < WORDS_MAX && text[len - 1] == '\0' ? len : 0;
}

enum cli_exit cli_complete(struct cli_request *c, const struct cli_verb *verbs, size_t count)
{
    struct completion m = { .c = c, .verb = VERB_COUNT, .verbs = verbs, .verb_count = count };
    static char text[WORDS_MAX]; /* not on the stack: c->socket points into it */
    size_t len = read_words(text), at = 0;

    cli_output_init(&c->output, CLI_OUTPUT_PLAIN);
    if (len == 0)
        return CLI_EXIT_USAGE;
    for (size_t next = strlen(text) + 1; next < len; next += strlen(text + next) + 1) {
        take_word(&m, text + at);
        at = next;
    }
    m.current = slice_of(text + at);
    offer_all(&m);
    cli_output_flush(&c->output);
    return CLI_EXIT_YES;
}

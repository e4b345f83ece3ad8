/*
 * A tree in a section: who builds it takes its nodes from a scope there, and who reads it does so in
 * place, in a view of its own. Here both are in one process; all that the one tells the other is the
 * section's name.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <stuballoc/section.h>

enum { ROOM = 1 << 20 };

struct word;
typedef SA_OFFSET(struct word) word_link;

struct word {
  word_link before, behind;
  char      text[16];
};

/* What the section starts with, where no scope takes memory. */
struct dictionary {
  word_link root;
};

/* --- who builds it ---------------------------------------------------------------------------- */

static int
add(sa_scope *scope, sa_section *section, const char *text)
{
  struct word *new = sa_scope_alloc(scope, sizeof *new), *word;
  if (!new)
    return -1;
  *new = (struct word){.text = ""};
  strncpy(new->text, text, sizeof new->text - 1);
  sa_span            span = sa_span_of_block(section, new);
  struct dictionary *dictionary = span.start;
  word_link         *link = &dictionary->root;
  while ((word = SA_FOLLOW(span, *link)))
    link = strcmp(text, word->text) < 0 ? &word->before : &word->behind;
  SA_POINT(span, *link, new);
  return 0;
}

static int
build(sa_scope *scope, sa_section *section)
{
  static const char *const words[] = {"stub", "section", "view", "call", "scope", "offset"};
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
    if (add(scope, section, words[i]) != 0)
      return -1;
  return 0;
}

/* --- who reads it ----------------------------------------------------------------------------- */

/* Who builds is not trusted: a node is copied before it is looked at, and no more of them are read than
 * there can be, as they may go in a circle. */
static void
print(sa_span span, word_link link, unsigned *left)
{
  const struct word *word = SA_FOLLOW(span, link);
  if (!word || *left == 0)
    return;
  const struct word copy = *word;
  --*left;
  print(span, copy.before, left);
  printf("%.*s\n", (int)sizeof copy.text, copy.text);
  print(span, copy.behind, left);
}

static int
read_all(const char *name)
{
  unsigned    left = ROOM / sizeof(struct word);
  sa_section *section = sa_section_open(name, SA_SECTION_READ_ONLY);
  if (!section)
    return -1;
  sa_span span = {sa_section_map(section, NULL, 0, ROOM, SA_VIEW_READ), 0, ROOM};
  sa_section_close(section);
  if (!span.start)
    return -1;
  const struct dictionary *dictionary = span.start;
  print(span, dictionary->root, &left);
  return sa_view_unmap(span.start);
}

int
main(void)
{
  char name[32];
  snprintf(name, sizeof name, "words-%ld", (long)getpid());
  sa_section *section = sa_section_create(name, ROOM, SA_SECTION_EXCLUSIVE);
  sa_scope   *scope = section ? sa_scope_create(&(sa_scope_options){.section = section}) : NULL;
  if (!scope || build(scope, section) != 0 || read_all(name) != 0) {
    perror(name);
    return 1;
  }
  sa_scope_destroy(scope);
  sa_section_close(section);
}

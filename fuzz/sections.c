/*
 * Sections that another process may write to, as it likes: beside each call of ours stand what that
 * one does to the bytes, to the size of the file, to the locks that say whose a unit is, and to what
 * the name refers to. (It does so from inside this process, by descriptors of its own, which is all
 * the same to the kernel.) Whatever it does, our calls do what they promise or fail with an error that
 * the manual knows; no block is given out twice, or outside of its section, or in a unit that the
 * other one has; nothing that it says leads out of a view; and in the end nothing is left.
 *
 * What was cut off is put back before it is touched, as touching it is a SIGBUS by promise.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "section/names.h"

enum { SECTIONS = 3, VIEWS = 4, SCOPES = 3, BLOCKS = 12, NAMES = 2, UNITS = 32 };

struct view {
  char       *at; /* NULL: none here now */
  size_t      length;
  unsigned    access;
  sa_section *section; /* that it was made from, whose handle may be closed */
};

struct scope {
  sa_scope   *handle;
  sa_section *section;
};

struct block {
  char         *at;
  size_t        size;
  struct scope *scope; /* NULL: the engine's */
};

static sa_section  *sections[SECTIONS];
static struct view  views[VIEWS];
static struct scope scopes[SCOPES];
static struct block blocks[BLOCKS];

/* The operation that is to be done, and with what. */
static struct {
  sa_section  **section;
  struct view  *view;
  struct scope *scope;
  struct block *block;
  unsigned      number; /* 0 to 65535 */
  unsigned      kind;   /* 0 to 255 */
} now;

/* --- the other process ------------------------------------------------------------------------ */

/* What the two names are to the system: of a section, and of a file that is one. */
static char name[64], paths[NAMES][128];

static struct {
  int  file; /* -1: none; else what it has open */
  bool has[UNITS];
} others[NAMES];

static void
close_others(unsigned i)
{
  if (others[i].file >= 0)
    close(others[i].file);
  memset(&others[i], 0, sizeof others[i]);
  others[i].file = -1;
}

/* What the other one has open under a name, if there is anything. */
static int
file_of_others(unsigned i)
{
  if (others[i].file < 0)
    others[i].file = open(paths[i], O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  return others[i].file;
}

static void
write_bytes(unsigned i)
{
  char bytes[64];
  memset(bytes, (int)now.kind, sizeof bytes);
  if (now.kind % 2)
    memcpy(bytes, &now.number, sizeof now.number);
  if (pwrite(file_of_others(i), bytes, now.kind % sizeof bytes, now.number * 16) < 0)
    return; /* it may be no file */
}

static void
cut_short(unsigned i)
{
  struct stat status;
  int         file = file_of_others(i);
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)
      && ftruncate(file, now.number * (off_t)16) != 0)
    abort();
}

static bool
lock_byte(unsigned i, short type, off_t unit)
{
  struct flock lock = {
    .l_type = type, .l_whence = SEEK_SET, .l_start = SA_CLAIMS + unit, .l_len = 1};
  return fcntl(file_of_others(i), F_OFD_SETLK, &lock) == 0;
}

static void
claim_units(unsigned i)
{
  bool     claims = now.kind % 4 > 0;
  unsigned unit = now.number % UNITS;
  if (lock_byte(i, claims ? F_WRLCK : F_UNLCK, unit))
    others[i].has[unit] = claims;
}

/* Locks the byte of users, as one of them would, or as none would; or no more. */
static void
use(unsigned i)
{
  static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
  lock_byte(i, types[now.kind % 3], -1);
}

static void
remove_path(unsigned i)
{
  if (unlink(paths[i]) != 0)
    rmdir(paths[i]);
}

/* Puts something else under the name. */
static void
replace(unsigned i)
{
  close_others(i);
  remove_path(i);
  switch (now.kind % 6) {
  case 0:
    mkdir(paths[i], 0700);
    break;
  case 1:
    if (symlink(paths[(i + 1) % NAMES], paths[i]) != 0)
      abort();
    break;
  case 2:
    mkfifo(paths[i], 0600);
    break;
  case 3:
    others[i].file = open(paths[i], O_RDWR | O_CREAT, now.number % 512);
    break;
  case 4:
    mknod(paths[i], S_IFSOCK | 0600, 0);
  }
}

/* --- what is true of our calls ---------------------------------------------------------------- */

static void
check_error(void)
{
  static const int known[] = {EINVAL,   ENAMETOOLONG, EOVERFLOW, EDOM,   ERANGE, ENOENT,     EEXIST,
                              EMSGSIZE, ENODATA,      ENOSPC,    EACCES, EFAULT, EADDRINUSE, EBUSY,
                              ENOTSUP,  ENOMEM,       EISDIR,    ENXIO,  ELOOP};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (errno == known[i])
      return;
  fprintf(stderr, "fuzz: %s\n", strerror(errno));
  must(false, "an error is one that the manual knows");
}

/* Whether two descriptors are open on the same. */
static bool
are_same(int one, int other)
{
  struct stat a, b;
  return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino
         && a.st_dev == b.st_dev;
}

/* What was cut off comes back, as zeros. */
static void
make_whole(const sa_section *section)
{
  struct stat status;
  int         file = (int)section->backing.object;
  char        path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  if (fstat(file, &status) == 0 && (uint64_t)status.st_size < section->size
      && truncate(path, (off_t)section->size) != 0)
    abort();
}

static void
touch(const sa_section *section, const char *at, size_t length)
{
  make_whole(section);
  (void)*(const volatile char *)at;
  (void)*(const volatile char *)(at + length - 1);
}

static void
check_block(const struct block *block)
{
  sa_section *section = block->scope->section;
  uint64_t    offset = sa_section_offset(section, block->at);
  must(sa_usable_size(block->at) >= block->size, "a block has the size that was asked for");
  must(offset >= SA_SECTION_OWN && offset <= section->size && block->size <= section->size - offset,
       "a block is in its section");
  for (unsigned i = 0; i < NAMES; i++)
    for (uint64_t unit = offset >> 16; unit <= (offset + block->size - 1) >> 16; unit++)
      must(unit >= UNITS || !others[i].has[unit]
             || !are_same((int)section->backing.object, others[i].file),
           "no block is in a unit that the other one has");
  for (const struct block *one = blocks; one < blocks + BLOCKS; one++)
    must(one == block || !one->at || block->at + block->size <= one->at
           || one->at + one->size <= block->at,
         "no two blocks are in one place");
}

/* --- handles and views ------------------------------------------------------------------------ */

static size_t
some_size(void)
{
  static const size_t sizes[] = {0,       1,          4096,     100000,          262144,
                                 1 << 20, 786432 + 5, SIZE_MAX, (size_t)1 << 62, 2 << 20};
  return sizes[now.number % (sizeof sizes / sizeof *sizes)];
}

static sa_section *
some_section(void)
{
  unsigned flags = now.kind / 4 & 0x3f;
  switch (now.kind % 4) {
  case 0:
    return sa_section_create(name, some_size(), flags & ~1u);
  case 1:
    return sa_section_create_file(paths[1], some_size(), flags % 4);
  case 2:
    return sa_section_open(name, flags & SA_SECTION_READ_ONLY);
  default:
    if (now.number % 2)
      return sa_section_create(NULL, some_size(), 0);
    return sa_section_adopt(file_of_others(now.number / 2 % NAMES), flags & SA_SECTION_READ_ONLY);
  }
}

static void
open_or_close(void)
{
  if (*now.section) {
    sa_section_close(*now.section);
    *now.section = NULL;
    return;
  }
  *now.section = some_section();
  if (!*now.section)
    check_error();
}

static void
map(void)
{
  sa_section *section = *now.section;
  uint64_t    offset = now.number % 64 * (uint64_t)(now.number % 8 == 7 ? 100 : 4096);
  size_t      length = now.number / 64 * (size_t)4096;
  if (length == 0)
    length = sa_section_size(section);
  char *at = sa_section_map(section, NULL, offset, length, now.kind % 8);
  if (!at) {
    check_error();
    return;
  }
  must(offset <= section->size && length <= section->size - offset, "a view is in its section");
  must(sa_section_offset(section, at + length - 1) == offset + length - 1,
       "a view's offsets are its section's");
  *now.view = (struct view){at, length, now.kind % 8, section};
  touch(section, at, length);
}

static void
map_or_unmap(void)
{
  if (now.view->at) {
    must(sa_view_unmap(now.view->at) == 0, "a view ends");
    now.view->at = NULL;
  } else if (*now.section) {
    map();
  }
}

/* Calls that look at the file. */
static void
ask(void)
{
  size_t      resident = 0, length = now.number * (size_t)16;
  const char *at = now.view->at + (now.kind < 128 ? 0 : now.number % now.view->length);
  int         failed;
  if (now.kind % 3 == 0)
    failed = sa_view_flush(at, length);
  else if (now.kind % 3 == 1)
    failed = sa_view_resident(at, length, &resident);
  else
    failed = sa_view_hint(at, length, now.kind / 3 % 4);
  if (failed)
    check_error();
  must(resident <= now.view->length + sa_os_page(), "no more is resident than there is");
}

/* --- what the other one says ------------------------------------------------------------------ */

/* Offsets and lengths that it tells. */
static void
believe(void)
{
  sa_section *section = *now.section;
  uint64_t    offset = now.kind % 8 == 0 ? UINT64_MAX - now.number : now.number * (uint64_t)17;
  size_t      length = now.kind % 8 == 1 ? SIZE_MAX - now.number : now.kind * (size_t)257;
  char       *at = sa_section_range(section, offset, length);
  if (!at) {
    check_error();
    return;
  }
  must(sa_section_offset(section, at) == offset, "an offset leads to its address");
  if (length > 0)
    touch(section, at, length);
}

/* A list in the bytes that it writes to. */
static void
follow(void)
{
  enum { MOST = 50 };
  struct node {
    SA_OFFSET(struct node) next;
    uint64_t value;
  };
  const struct view *view = now.view;
  sa_span            span = {view->at, sa_section_offset(view->section, view->at), view->length};
  SA_OFFSET(struct node) first = {.offset = now.number};
  make_whole(view->section);
  struct node *node = SA_FOLLOW(span, first);
  for (unsigned i = 0; node && i < MOST; i++) {
    struct node copy = *node;
    must((char *)node >= view->at && (char *)(node + 1) <= view->at + view->length,
         "an offset pointer leads into its view");
    node = SA_FOLLOW(span, copy.next);
  }
}

/* --- scopes and blocks ------------------------------------------------------------------------ */

static void
end_scope(struct scope *scope)
{
  for (struct block *block = blocks; block < blocks + BLOCKS; block++)
    if (block->scope == scope)
      *block = (struct block){0};
  sa_scope_destroy(scope->handle);
  scope->handle = NULL;
}

static void
create_or_destroy(void)
{
  if (now.scope->handle) {
    end_scope(now.scope);
  } else if (*now.section) {
    size_t budget = now.kind % 4 == 0 ? now.number * (size_t)16 : 0;
    now.scope->handle =
      sa_scope_create(&(sa_scope_options){.section = *now.section, .budget = budget});
    now.scope->section = *now.section;
    if (!now.scope->handle)
      check_error();
  }
}

static void
put_block(char *at, size_t size, struct scope *scope)
{
  if (!at) {
    must(errno == ENOMEM, "no memory is said by ENOMEM");
    return;
  }
  *now.block = (struct block){at, size, scope};
  if (scope) {
    check_block(now.block);
    make_whole(scope->section);
  }
  memset(at, (int)now.kind, size);
}

static void
use_block(size_t size)
{
  struct block *block = now.block;
  if (block->scope) {
    check_block(block);
    make_whole(block->scope->section);
  }
  if (now.kind % 3 == 0) {
    sa_free(block->at);
    *block = (struct block){0};
  } else if (now.kind % 3 == 1) {
    put_block(sa_realloc(block->at, size), size, block->scope);
  } else {
    put_block(sa_scope_keep(block->at), block->size, NULL);
  }
}

static void
allocate_or_use(void)
{
  size_t size = 1 + now.number * (size_t)(now.kind >= 192 ? 16 : 1);
  if (now.block->at)
    use_block(size);
  else if (now.scope->handle)
    put_block(sa_scope_alloc(now.scope->handle, size), size, now.scope);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void
operate(unsigned what, unsigned other)
{
  static void (*const theirs[])(unsigned) = {write_bytes, cut_short, claim_units,
                                             use,         replace,   close_others};
  enum { THEIRS = sizeof theirs / sizeof *theirs };
  if (what < THEIRS) {
    theirs[what](other);
    return;
  }
  switch (what - THEIRS) {
  case 0:
    open_or_close();
    break;
  case 1:
    map_or_unmap();
    break;
  case 2:
    if (now.view->at)
      ask();
    break;
  case 3:
    if (*now.section)
      believe();
    break;
  case 4:
    if (now.view->at && now.view->access != SA_VIEW_COPY)
      follow();
    break;
  case 5:
    create_or_destroy();
    break;
  default:
    allocate_or_use();
  }
}

static void
check_names(void)
{
  static const unsigned kinds[] = {0, SA_SECTION_ALL};
  for (unsigned i = 0; i < 2; i++)
    must(!sa_section_open(name, kinds[i]) && errno == ENOENT, "no name is left");
}

static void
finish(void)
{
  for (unsigned i = 0; i < NAMES; i++) {
    close_others(i);
    remove_path(i);
  }
  for (struct scope *scope = scopes; scope < scopes + SCOPES; scope++)
    if (scope->handle)
      end_scope(scope);
  for (struct block *block = blocks; block < blocks + BLOCKS; block++) {
    sa_free(block->at);
    *block = (struct block){0};
  }
  for (struct view *view = views; view < views + VIEWS; view++) {
    must(!view->at || sa_view_unmap(view->at) == 0, "a view ends");
    view->at = NULL;
  }
  for (unsigned i = 0; i < SECTIONS; i++) {
    sa_section_close(sections[i]);
    sections[i] = NULL;
  }
  check_names();
}

/* The lowest descriptor that is free. */
static int
free_descriptor(void)
{
  int descriptor = dup(0);
  close(descriptor);
  return descriptor;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  snprintf(name, sizeof name, "fuzz-%d", (int)getpid());
  snprintf(paths[0], sizeof paths[0], "/dev/shm/stuballoc-%u.%s", (unsigned)geteuid(), name);
  snprintf(paths[1], sizeof paths[1], "/dev/shm/file-%s", name);
  for (unsigned i = 0; i < NAMES; i++)
    others[i].file = -1;
  return 0;
}

/* Five bytes an operation: what; with which of ours; the kind; the number. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  enum { STEP = 5, MOST_STEPS = 100 };
  int descriptor = free_descriptor();
  for (unsigned i = 0; size >= STEP && i < MOST_STEPS; i++, data += STEP, size -= STEP) {
    now.section = &sections[data[1] % SECTIONS];
    now.view = &views[data[1] / 8 % VIEWS];
    now.scope = &scopes[data[1] / 32 % SCOPES];
    now.block = &blocks[data[1] % BLOCKS];
    now.kind = data[2];
    now.number = data[3] + 256u * data[4];
    operate(data[0] % 16, data[0] / 16 % NAMES);
  }
  finish();
  sa_trim();
  must(units_in_use() == 0, "no unit is left");
  must(free_descriptor() == descriptor, "no descriptor is left");
  return 0;
}

/*
 * The malloc family of libstuballoc-preload.so, as a program that knows nothing of it meets it:
 * what glibc promises, and that each function is really the library's. TAP on stdout.
 *
 * SA_PRELOAD names the library, by its absolute path; the program starts itself again under it.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE 1

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *library;
static const char *skip_reason;
static int         complaints;

static bool
check(bool holds, const char *what, int line)
{
  if (!holds && ++complaints <= 5)
    printf("# line %d: %s\n", line, what);
  return holds;
}
#define CHECK(condition) check(condition, #condition, __LINE__)

/* `call` returns NULL and sets errno to `error`. */
#define CHECK_FAILS(call, error)                                                                   \
  (errno = 0, check((call) == NULL && errno == (error), #call " fails with " #error, __LINE__))

/* Called unseen: the compiler knows what these functions promise, and would leave out both the
 * calls and the checks. */
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_reallocarray)(void *, size_t, size_t) = reallocarray;
static void *(*volatile do_aligned_alloc)(size_t, size_t) = aligned_alloc;
static void *(*volatile do_memalign)(size_t, size_t) = memalign;
static void *(*volatile do_valloc)(size_t) = valloc;
static void *(*volatile do_pvalloc)(size_t) = pvalloc;

static bool
is_aligned(const void *block, size_t alignment)
{
  return block && ((uintptr_t)block & (alignment - 1)) == 0;
}

static size_t
page(void)
{
  return (size_t)sysconf(_SC_PAGESIZE);
}

/* Sizes that matter: every small one, then around each power of two up to 64 MiB. */
static size_t
next_size(size_t size)
{
  if (size < 1100)
    return size + 1;
  size_t power = (size_t)1 << (63 - __builtin_clzl(size + 1));
  return size == power - 1 ? power : size == power ? power + 1 : 2 * power - 1;
}
#define FOR_SIZES(size) for (size_t size = 0; size <= (64u << 20); size = next_size(size))

static void
fill(void *block, size_t from, size_t to)
{
  for (size_t i = from; i < to; i++)
    ((unsigned char *)block)[i] = (unsigned char)(i ^ (i >> 8));
}

static bool
is_filled(const void *block, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (((const unsigned char *)block)[i] != (unsigned char)(i ^ (i >> 8)))
      return false;
  return true;
}

static bool
is_all(unsigned char byte, const unsigned char *block, size_t size)
{
  return size == 0 || (block[0] == byte && memcmp(block, block + 1, size - 1) == 0);
}

/* A block as it should be: there, aligned, at least of this size, and wholly writable. */
static bool
is_sound(void *block, size_t size, size_t alignment)
{
  if (!is_aligned(block, alignment) || malloc_usable_size(block) < size)
    return false;
  memset(block, 0xa5, malloc_usable_size(block));
  return true;
}

static bool
is_ours(void *function)
{
  Dl_info info;
  return function && dladdr(function, &info) && strcmp(info.dli_fname, library) == 0;
}

static void
test_origin(void)
{
  static const char *const family[] = {"malloc",
                                       "calloc",
                                       "realloc",
                                       "reallocarray",
                                       "free",
                                       "memalign",
                                       "aligned_alloc",
                                       "valloc",
                                       "pvalloc",
                                       "posix_memalign",
                                       "malloc_usable_size",
                                       "malloc_trim",
                                       "mallopt"};
  for (size_t i = 0; i < sizeof family / sizeof *family; i++)
    check(is_ours(dlsym(RTLD_DEFAULT, family[i])), family[i], __LINE__);
}

static void
test_malloc(void)
{
  FOR_SIZES(size)
  {
    void *block = do_malloc(size);
    CHECK(is_sound(block, size, size < 16 ? 8 : 16));
    free(block);
  }

  void *one = do_malloc(0), *two = do_malloc(0);
  CHECK(one && two && one != two);
  free(one);
  free(two);

  CHECK_FAILS(do_malloc(PTRDIFF_MAX), ENOMEM);
  CHECK_FAILS(do_malloc((size_t)PTRDIFF_MAX + 1), ENOMEM);
  CHECK_FAILS(do_malloc(SIZE_MAX - 4096), ENOMEM);
  CHECK_FAILS(do_malloc(SIZE_MAX), ENOMEM);
}

static void
test_calloc(void)
{
  FOR_SIZES(size)
  {
    /* What was used before must be cleared, too */
    void *used = do_malloc(size);
    CHECK(is_sound(used, size, 8));
    free(used);
    void *block = do_calloc(1, size);
    CHECK(block && is_all(0, block, size));
    CHECK(is_sound(block, size, size < 16 ? 8 : 16));
    free(block);
  }

  void *array = do_calloc(1000, 1001), *empty = do_calloc(0, 8);
  CHECK(array && is_all(0, array, 1001000) && malloc_usable_size(array) >= 1001000);
  CHECK(empty);
  free(array);
  free(empty);

  CHECK_FAILS(do_calloc(SIZE_MAX / 2, 3), ENOMEM);
  CHECK_FAILS(do_calloc(SIZE_MAX, SIZE_MAX), ENOMEM);
  CHECK_FAILS(do_calloc((size_t)1 << 32, (size_t)1 << 32), ENOMEM); /* the product is 0 */
  CHECK_FAILS(do_calloc(2, PTRDIFF_MAX), ENOMEM);
}

static void
test_realloc(void)
{
  size_t filled = 0;
  void  *block = do_realloc(NULL, 0);
  CHECK(block);
  FOR_SIZES(size)
  {
    block = do_realloc(block, size + 1);
    if (!CHECK(block && malloc_usable_size(block) > size) || !CHECK(is_filled(block, filled)))
      return;
    fill(block, filled, size + 1);
    filled = size + 1;
  }
  for (; filled > 1; filled = filled * 2 / 3) {
    block = do_realloc(block, filled);
    if (!CHECK(block && malloc_usable_size(block) >= filled) || !CHECK(is_filled(block, filled)))
      return;
  }

  block = do_realloc(block, 5000);
  fill(block, 0, 5000);
  CHECK_FAILS(do_realloc(block, (size_t)PTRDIFF_MAX + 1), ENOMEM);
  CHECK_FAILS(do_realloc(block, SIZE_MAX), ENOMEM);
  CHECK(is_filled(block, 5000));
  CHECK(do_realloc(block, 0) == NULL); /* frees it, unlike sa_realloc */
}

static void
test_reallocarray(void)
{
  void *block = do_reallocarray(NULL, 10, 100);
  CHECK(is_sound(block, 1000, 16));
  fill(block, 0, 1000);
  CHECK_FAILS(do_reallocarray(block, SIZE_MAX / 2, 3), ENOMEM);
  CHECK_FAILS(do_reallocarray(block, (size_t)1 << 32, (size_t)1 << 32), ENOMEM);
  CHECK(is_filled(block, 1000));
  block = do_reallocarray(block, 1000, 100);
  CHECK(block && is_filled(block, 1000) && is_sound(block, 100000, 16));
  free(block);
}

static void
test_free(void)
{
  void *small = do_malloc(10), *large = do_malloc(64 << 20);
  CHECK(small && is_sound(large, 64 << 20, 16));
  errno = EXDEV;
  free(NULL);
  free(small);
  free(large);
  CHECK(errno == EXDEV);
}

/* cfree is gone from glibc's headers and for new programs, but old ones have it by its version. */
#if defined __GLIBC__ && (defined __x86_64__ || defined __aarch64__)
#ifdef __x86_64__
__asm__(".symver old_cfree, cfree@GLIBC_2.2.5");
#else
__asm__(".symver old_cfree, cfree@GLIBC_2.17");
#endif
extern void old_cfree(void *) __attribute__((weak));
#else
static void (*const old_cfree)(void *) = NULL;
#endif

static void
test_cfree(void)
{
  void (*volatile do_cfree)(void *) = old_cfree;
  if (!do_cfree) {
    skip_reason = "this C library has none";
    return;
  }
  if (CHECK(is_ours(*(void *volatile *)&do_cfree))) {
    do_cfree(do_malloc(100));
    do_cfree(NULL);
  }
}

static void
test_posix_memalign(void)
{
  void *block;
  errno = EXDEV;
  for (size_t alignment = sizeof(void *); alignment <= (4 << 20); alignment *= 2)
    for (size_t size = 0; size < 100000; size = size * 3 + 1) {
      CHECK(posix_memalign(&block, alignment, size) == 0);
      CHECK(is_sound(block, size, alignment));
      free(block);
    }

  void *const untouched = block = &block;
  CHECK(posix_memalign(&block, 0, 8) == EINVAL);
  CHECK(posix_memalign(&block, sizeof(void *) / 2, 8) == EINVAL);
  CHECK(posix_memalign(&block, 3 * sizeof(void *), 8) == EINVAL);
  CHECK(posix_memalign(&block, SIZE_MAX, 8) == EINVAL);
  CHECK(posix_memalign(&block, 64, SIZE_MAX) == ENOMEM);
  CHECK(posix_memalign(&block, 64, SIZE_MAX - 64) == ENOMEM);
  CHECK(posix_memalign(&block, (size_t)1 << 63, 1) == ENOMEM);
  CHECK(block == untouched);
  CHECK(errno == EXDEV); /* it returns its errors */
}

static void
test_alignments(void *(*aligned)(size_t, size_t))
{
  for (size_t alignment = 1; alignment <= (4 << 20); alignment *= 2)
    for (size_t size = 0; size < 100000; size = size * 3 + 1) {
      void *block = aligned(alignment, size); /* the size need not be a multiple */
      CHECK(is_sound(block, size, alignment));
      fill(block, 0, size);
      block = do_realloc(block, size + 70000);
      CHECK(block && is_filled(block, size));
      free(block);
    }
  CHECK_FAILS(aligned(64, (size_t)PTRDIFF_MAX + 1), ENOMEM);
  CHECK_FAILS(aligned(64, SIZE_MAX), ENOMEM);
  CHECK_FAILS(aligned(4096, SIZE_MAX - 4096), ENOMEM);
  CHECK_FAILS(aligned((size_t)1 << 62, 1), ENOMEM);
}

static void
test_aligned_alloc(void)
{
  test_alignments(do_aligned_alloc);
  CHECK_FAILS(do_aligned_alloc(3, 8), EINVAL);
  CHECK_FAILS(do_aligned_alloc(SIZE_MAX, 8), EINVAL);
}

static void
test_memalign(void)
{
  test_alignments(do_memalign);
  void *block = do_memalign(48, 8); /* glibc takes the next power of two */
  CHECK(is_sound(block, 8, 64));
  free(block);
  CHECK(do_memalign(SIZE_MAX, 8) == NULL); /* there is none */
}

static void
test_pages(void)
{
  for (size_t size = 0; size < 1000000; size = size * 3 + 1) {
    void *block = do_valloc(size);
    CHECK(is_sound(block, size, page()));
    free(block);
    block = do_pvalloc(size);
    CHECK(is_sound(block, (size + page() - 1) / page() * page(), page()));
    free(block);
  }
  CHECK_FAILS(do_valloc(SIZE_MAX), ENOMEM);
  CHECK_FAILS(do_valloc((size_t)PTRDIFF_MAX + 1), ENOMEM);
  CHECK_FAILS(do_pvalloc(SIZE_MAX), ENOMEM); /* rounding up would make it 0 */
  CHECK_FAILS(do_pvalloc(PTRDIFF_MAX), ENOMEM);
}

static void
test_usable_size(void)
{
  CHECK(malloc_usable_size(NULL) == 0);
  FOR_SIZES(size)
  {
    void  *block = do_malloc(size);
    size_t usable = malloc_usable_size(block);
    fill(block, 0, usable);
    block = do_realloc(block, usable + 1);
    CHECK(block && is_filled(block, usable));
    free(block);
  }
}

/* The C library allocates with the same malloc what its callers free. */
static void
test_c_library(void)
{
  char *text = NULL, *line = NULL, *folder = getcwd(NULL, 0), *copy = strdup("a copy");
  CHECK(asprintf(&text, "%d %s", 42, copy) == 9);
  CHECK(malloc_usable_size(copy) >= 7 && malloc_usable_size(text) >= 10);
  CHECK(folder && malloc_usable_size(folder) > strlen(folder));

  char  *memory;
  size_t length, room = 0;
  FILE  *stream = open_memstream(&memory, &length);
  for (int i = 0; i < 10000; i++)
    fprintf(stream, "%d\n", i);
  CHECK(fclose(stream) == 0 && length == 48890 && malloc_usable_size(memory) > length);
  stream = fmemopen(memory, length, "r");
  CHECK(getline(&line, &room, stream) == 2 && malloc_usable_size(line) >= room);
  fclose(stream);

  void *const all_of_them[] = {text, line, folder, copy, memory};
  for (size_t i = 0; i < sizeof all_of_them / sizeof *all_of_them; i++)
    free(all_of_them[i]);
}

/* Memory from before main: the preload library is there before every other. */
static char *early;

__attribute__((constructor)) static void
allocate_early(void)
{
  early = do_malloc(300);
  fill(early, 0, 300);
}

static void
test_early(void)
{
  CHECK(is_filled(early, 300));
  early = do_realloc(early, 300000);
  CHECK(early && is_filled(early, 300));
  free(early);
}

enum { THREADS = 4, BLOCKS = 4000 };
static void         *blocks[THREADS][BLOCKS];
static pthread_key_t late;

/* A destructor that allocates, for as long as destructors are called. */
static void
allocate_late(void *block)
{
  free(block);
  pthread_setspecific(late, do_malloc(2000));
}

/* Block i of some thread, all of one byte, so that blocks which overlap are found. */
static void *
new_block(size_t i, size_t size)
{
  void *block = do_malloc(size);
  if (block)
    memset(block, (int)(i % 251), size);
  return block;
}

static bool
is_intact(const void *block, size_t i, size_t size)
{
  return block && is_all((unsigned char)(i % 251), block, size);
}

/* Frees what another thread allocated, and leaves blocks for another one to free. */
static void *
exchange(void *argument)
{
  void **mine = argument;
  pthread_setspecific(late, do_malloc(1000));
  for (size_t i = 0; i < BLOCKS; i++) {
    size_t size = i * 7 % 3000;
    if (!is_intact(mine[i], i, size))
      return NULL;
    free(mine[i]);
    mine[i] = new_block(i, size + 1);
  }
  return argument;
}

static void
test_threads(void)
{
  pthread_t threads[THREADS];
  CHECK(pthread_key_create(&late, allocate_late) == 0);
  for (size_t t = 0; t < THREADS; t++)
    for (size_t i = 0; i < BLOCKS; i++)
      blocks[t][i] = new_block(i, i * 7 % 3000);
  for (size_t t = 0; t < THREADS; t++)
    CHECK(pthread_create(&threads[t], NULL, exchange, blocks[t]) == 0);
  for (size_t t = 0; t < THREADS; t++) {
    void *result = NULL;
    CHECK(pthread_join(threads[t], &result) == 0 && result == blocks[t]);
    for (size_t i = 0; i < BLOCKS; i++) {
      CHECK(is_intact(blocks[t][i], i, i * 7 % 3000 + 1));
      free(blocks[t][i]);
    }
  }
}

static volatile bool go_on = true;

static void *
allocate_meanwhile(void *unused)
{
  while (go_on)
    free(do_malloc(100));
  return unused;
}

/* The child of a program with threads, one of which is busy allocating at the time. */
static void
test_fork(void)
{
  pthread_t busy;
  CHECK(pthread_create(&busy, NULL, allocate_meanwhile, NULL) == 0);
  fflush(stdout);
  for (int round = 0; round < 100; round++) {
    void *block = do_malloc(1000), *large = do_malloc(1 << 20);
    fill(block, 0, 1000);
    pid_t child = fork();
    if (child == 0) {
      bool kept = is_filled(block, 1000);
      free(block);
      free(large);
      for (size_t size = 1; size < 100000; size *= 2)
        free(do_malloc(size));
      _exit(kept ? 0 : 1);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    free(block);
    free(large);
  }
  go_on = false;
  pthread_join(busy, NULL);
}

/* Not glibc's, which crashes when two threads first call it on a heap that was never used. */
static void
test_trim(void)
{
  void *block = do_malloc(1000000);
  CHECK(is_sound(block, 1000000, 16));
  free(block);
  CHECK(malloc_trim(0) == 1 && malloc_trim(0) == 0);
  CHECK(mallopt(M_MMAP_THRESHOLD, 1000000) == 1);
}

static void
allocate_at_exit(void)
{
  free(do_malloc(5000));
}

static const struct {
  const char *name;
  void (*run)(void);
} tests[] = {
  {"all of them are the library's", test_origin},
  {"malloc", test_malloc},
  {"calloc", test_calloc},
  {"realloc", test_realloc},
  {"reallocarray", test_reallocarray},
  {"free", test_free},
  {"cfree", test_cfree},
  {"posix_memalign", test_posix_memalign},
  {"aligned_alloc", test_aligned_alloc},
  {"memalign", test_memalign},
  {"valloc, pvalloc", test_pages},
  {"malloc_usable_size", test_usable_size},
  {"malloc_trim, mallopt", test_trim},
  {"what the C library allocates", test_c_library},
  {"before main", test_early},
  {"threads and their destructors", test_threads},
  {"fork", test_fork},
};
enum { TESTS = sizeof tests / sizeof *tests };

int
main(int argc, char **argv)
{
  const char *preload = getenv("LD_PRELOAD");
  library = getenv("SA_PRELOAD");
  if (!library || argc != 1) {
    puts("Bail out! SA_PRELOAD must be the absolute path of libstuballoc-preload.so");
    return EXIT_FAILURE;
  }
  if (!preload || strcmp(preload, library) != 0) {
    setenv("LD_PRELOAD", library, 1);
    execv("/proc/self/exe", argv);
    puts("Bail out! cannot start again");
    return EXIT_FAILURE;
  }

  atexit(allocate_at_exit);
  int failures = 0;
  printf("1..%d\n", TESTS);
  for (int i = 0; i < TESTS; i++) {
    complaints = 0;
    skip_reason = NULL;
    tests[i].run();
    printf("%s %d - %s%s%s\n", complaints ? "not ok" : "ok", i + 1, tests[i].name,
           skip_reason ? " # SKIP " : "", skip_reason ? skip_reason : "");
    failures += complaints != 0;
    fflush(stdout);
  }
  return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

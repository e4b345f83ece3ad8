/* The DLL loaded while there are threads already, which then allocate. SPDX-License-Identifier: MIT */
#include "unit.h"

#include <windows.h>

typedef void *allocate_function(size_t size);
typedef void  free_function(void *block);

static allocate_function *allocate;
static free_function     *give_back;
static HANDLE             loaded;

static DWORD WINAPI
allocate_once_loaded(void *unused)
{
  (void)unused;
  WaitForSingleObject(loaded, INFINITE);
  for (unsigned i = 0; i < 10000; i++) {
    void *block = allocate(i);
    fill(block, i, i);
    if (!is_filled(block, i, i))
      return 1;
    give_back(block);
  }
  return 0;
}

static void *
find(HMODULE library, const char *name)
{
  FARPROC function = GetProcAddress(library, name);
  assert_non_null(function);
  return *(void **)&function;
}

static void
load(void)
{
  HMODULE library = LoadLibraryA("libstuballoc-0.dll");
  assert_non_null(library);
  *(void **)&allocate = find(library, "sa_malloc");
  *(void **)&give_back = find(library, "sa_free");
  SetEvent(loaded);
}

static void
threads_older_than_the_library_may_allocate(void **state)
{
  (void)state;
  enum { THREADS = 4 };
  HANDLE threads[THREADS];
  loaded = CreateEventA(NULL, TRUE, FALSE, NULL);
  for (unsigned i = 0; i < THREADS; i++)
    threads[i] = CreateThread(NULL, 0, allocate_once_loaded, NULL, 0, NULL);
  load();
  for (unsigned i = 0; i < THREADS; i++) {
    DWORD result = 1;
    WaitForSingleObject(threads[i], INFINITE);
    GetExitCodeThread(threads[i], &result);
    assert_int_equal(result, 0);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(threads_older_than_the_library_may_allocate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

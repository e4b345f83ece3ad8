/* <stuballoc/concurrency.hpp>. SPDX-License-Identifier: MIT */
#include <stuballoc/concurrency.hpp>
#include <stuballoc/stats.h>

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>

extern "C" {
#include <cmocka.h>
}

namespace {

/* ConcRT's documented use: swap through an allocated temporary. */
void
swap_through_a_temporary(int &one, int &other)
{
  int *temporary = new (concurrency::Alloc(sizeof(int))) int(one);
  one = other;
  other = *temporary;
  concurrency::Free(temporary);
}

void
Alloc_gives_memory_to_build_an_object_in(void **)
{
  int one = 1, other = 2;
  swap_through_a_temporary(one, other);
  assert_int_equal(one, 2);
  assert_int_equal(other, 1);
}

void
Alloc_throws_bad_alloc_when_there_is_no_memory(void **)
{
  bool                       thrown = false;
  const volatile std::size_t too_big = SIZE_MAX;
  try {
    concurrency::Free(concurrency::Alloc(too_big));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  assert_true(thrown);
}

void
Alloc_of_nothing_gives_a_block(void **)
{
  void *block = concurrency::Alloc(0);
  assert_non_null(block);
  concurrency::Free(block);
}

void
Free_ignores_a_null_pointer(void **)
{
  concurrency::Free(nullptr);
}

void
Free_takes_a_block_of_another_thread(void **)
{
  void *block = nullptr;
  std::thread([&] { block = concurrency::Alloc(100); }).join();
  std::memset(block, 1, 100);
  concurrency::Free(block);
}

void
Free_takes_a_block_of_sa_malloc(void **)
{
  concurrency::Free(sa_malloc(100));
}

sa_stats
stats_now()
{
  sa_stats stats{};
  stats.size = sizeof stats;
  assert_int_equal(sa_get_stats(&stats), 0);
  return stats;
}

struct last_words {
  bool *said;
  void *block;

  ~last_words()
  {
    concurrency::Free(block);
    concurrency::Free(concurrency::Alloc(5000));
    *said = true;
  }
};

void
the_destructor_of_a_thread_local_object_may_allocate_and_free(void **)
{
  sa_stats before = stats_now();
  bool     said = false;
  std::thread([&] { thread_local last_words words{&said, concurrency::Alloc(100)}; }).join();
  assert_true(said);
  assert_int_equal(stats_now().live_blocks, before.live_blocks);
  assert_int_equal(stats_now().caches, before.caches);
}

void
the_namespace_may_be_spelt_with_a_capital(void **)
{
  Concurrency::Free(Concurrency::Alloc(8));
}

} // namespace

int
main()
{
  const CMUnitTest tests[] = {
    cmocka_unit_test(Alloc_gives_memory_to_build_an_object_in),
    cmocka_unit_test(Alloc_throws_bad_alloc_when_there_is_no_memory),
    cmocka_unit_test(Alloc_of_nothing_gives_a_block),
    cmocka_unit_test(Free_ignores_a_null_pointer),
    cmocka_unit_test(Free_takes_a_block_of_another_thread),
    cmocka_unit_test(Free_takes_a_block_of_sa_malloc),
    cmocka_unit_test(the_destructor_of_a_thread_local_object_may_allocate_and_free),
    cmocka_unit_test(the_namespace_may_be_spelt_with_a_capital),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

/*
 * work list            names every case, one a line
 * work NAME            runs one case and prints a line of JSON for each thing it measured
 * work -n COUNT NAME   runs it exactly COUNT times, for a tool that counts instructions
 *
 * SPDX-License-Identifier: MIT
 */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "stub_call.h"

#define MIB ((size_t)1 << 20)

static const struct work works[] = {
  {"pair 16", pair, .sizes = {16, 16}},
  {"pair 32", pair, .sizes = {32, 32}},
  {"pair 64", pair, .sizes = {64, 64}},
  {"pair 128", pair, .sizes = {128, 128}},
  {"pair 256", pair, .sizes = {256, 256}},
  {"pair 1024", pair, .sizes = {1024, 1024}},
  {"pair 4096", pair, .sizes = {4096, 4096}},
  {"pair 16384", pair, .sizes = {16384, 16384}},
  {"pair 65536", pair, .sizes = {65536, 65536}},
  {"batch small ordered", batch, .sizes = {16, 1024}},
  {"batch small shuffled", batch, .sizes = {16, 1024}, .shuffled = true},
  {"batch large ordered", batch, .sizes = {16, 65536}},
  {"batch large shuffled", batch, .sizes = {16, 65536}, .shuffled = true},
  {.name = STUB_CALL, .run = stub_call},
  {.name = STUB_CALL_WRITTEN, .run = stub_call_written},
  {.name = STUB_CALL_HALVED, .run = stub_call_halved},
  {"reverse", reverse, .sizes = {8, 8}},
  {"handoff 64 shallow", handoff, .sizes = {64, 64}, .depth = 64},
  {"handoff 64 deep", handoff, .sizes = {64, 64}, .depth = 4096},
  {"handoff mixed shallow", handoff, .sizes = {16, 1024}, .depth = 64},
  {"handoff mixed deep", handoff, .sizes = {16, 1024}, .depth = 4096},
  {"churn", churn, .sizes = {16, 1024}},
  {"idle ordered", idle, .sizes = {1024, 1024}, .live = 1024 * MIB},
  {"idle shuffled", idle, .sizes = {1024, 1024}, .live = 1024 * MIB, .shuffled = true},
  {"burst", burst, .sizes = {16, 4096}, .live = 512 * MIB, .shuffled = true},
  {"steady 1024", steady, .sizes = {1024, 1024}, .live = 128 * MIB},
  {"steady mixed", steady, .sizes = {16, 1024}, .live = 128 * MIB},
};

enum { WORKS = sizeof works / sizeof *works };

static int
list(void)
{
  for (size_t i = 0; i < WORKS; i++)
    puts(works[i].name);
  return EXIT_SUCCESS;
}

static int
run(const char *name)
{
  for (size_t i = 0; i < WORKS; i++) {
    if (strcmp(works[i].name, name) != 0)
      continue;
    works[i].run(&works[i]);
    return EXIT_SUCCESS;
  }
  fprintf(stderr, "work: there is no workload '%s'; 'work list' names them\n", name);
  return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "-n") == 0) {
    measure_exactly(strtoul(argv[2], NULL, 10));
    return run(argv[3]);
  }
  if (argc != 2) {
    fputs("usage: work list | work [-n COUNT] NAME\n", stderr);
    return EXIT_FAILURE;
  }
  return strcmp(argv[1], "list") == 0 ? list() : run(argv[1]);
}

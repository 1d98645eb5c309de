/* The main of a fuzz target without libFuzzer: runs it on every file of the folders named, then on
 * each file cut short and with bytes changed. The changes come from a counter, so a run repeats.
 * FUZZ_ROUNDS sets how many changed copies a file gets (100). Build the target with clang
 * -fsanitize=fuzzer and leave this file out to fuzz for real. */
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 4 * MIB, PATH_TEXT = 1024, ROUNDS = 100, CHANGES_MAX = 8 };

static uint64_t state = 1;

/* splitmix64, see tests/conformance/chaos.c */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In a block of exactly n bytes, so that a sanitizer sees what reads behind its end. */
static void run(const char *p, size_t n, int changes)
{
    uint8_t *copy = mem_alloc(n);
    if (!copy)
        return;
    if (n)
        memcpy(copy, p, n);
    for (int i = 0; n && i < changes; i++)
        copy[next() % n] = (uint8_t)next();
    LLVMFuzzerTestOneInput(copy, n);
    mem_free(copy);
}

static void replay(struct str bytes, int rounds)
{
    run(bytes.p, bytes.n, 0);
    for (int i = 0; i < rounds; i++) {
        run(bytes.p, (size_t)(next() % (bytes.n + 1)), 0);
        run(bytes.p, bytes.n, 1 + (int)(next() % CHANGES_MAX));
    }
}

static int replay_folder(const char *folder, int rounds)
{
    char path[PATH_TEXT];
    int files = 0;
    struct dirent *d;
    DIR *dir = opendir(folder);
    while (dir && (d = readdir(dir))) {
        _cleanup_(arena_freep) struct arena *a = arena_new(2 * FILE_MAX);
        struct str bytes;
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        if (d->d_name[0] == '.' || !a || file_read(path, FILE_MAX, a, &bytes, NULL))
            continue;
        replay(bytes, rounds);
        files++;
    }
    if (dir)
        closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    const char *set = getenv("FUZZ_ROUNDS");
    int64_t rounds = ROUNDS;
    int files = 0;
    if (set && str_to_i64(str_from(set), &rounds, NULL))
        return 2;
    for (int i = 1; i < argc; i++)
        files += replay_folder(argv[i], (int)rounds);
    printf("%d files, %d changed copies of each\n", files, 2 * (int)rounds);
    return files == 0;
}

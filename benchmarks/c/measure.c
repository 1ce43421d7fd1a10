/* The kernel's account of the server: CPU time and resident memory of processes that are not ours.
 *
 * CPU time is each process's own clock (nanoseconds, all threads, dead ones too), read from outside with
 * clock_gettime. It may only read. */
#define _GNU_SOURCE
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct account accounts[4];
static unsigned count;

/* Remember the first fault in words; all are counted. */
void fault(const char *format, ...) {
    if (stats.first_error[0]) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(stats.first_error, sizeof stats.first_error, format, arguments);
    va_end(arguments);
    for (char *c = stats.first_error; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = '\'';
}

/* "server=17,18": a name and the processes behind it. */
void account_add(const char *text) {
    char *copy = strdup(text), *equals = strchr(copy, '=');
    if (!equals || count == sizeof accounts / sizeof *accounts) exit(2);
    *equals = 0;
    struct account *a = &accounts[count++];
    a->name = copy;
    for (char *at = strtok(equals + 1, ","); at && a->count < 64; at = strtok(NULL, ","))
        a->pids[a->count++] = atoi(at);
}

static int64_t cpu(int pid) {
    struct timespec t = {0, 0};
    /* What clock_getcpuclockid(3) computes; the kernel's number for "this process, scheduler's clock". */
    clock_gettime((clockid_t)((~(unsigned)pid << 3) | 2), &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* How long the process was ready to run while another had its core: shows when a measurement was disturbed. */
static int64_t waited(int pid) {
    char name[64];
    long long ran = 0, delayed = 0;
    snprintf(name, sizeof name, "/proc/%d/schedstat", pid);
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    if (fscanf(file, "%lld %lld", &ran, &delayed) != 2) delayed = 0;
    fclose(file);
    return delayed;
}

static long resident(int pid) {
    char name[64], line[256];
    long kib = 0;
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(file);
    return kib;
}

static int64_t total(const struct account *a, int64_t (*reading)(int)) {
    int64_t sum = 0;
    for (unsigned i = 0; i < a->count; i++)
        sum += reading(a->pids[i]);
    return sum;
}

long account_resident(void) {
    long sum = 0;
    for (unsigned i = 0; count && i < accounts[0].count; i++)
        sum += resident(accounts[0].pids[i]);
    return sum;
}

/* Microseconds of CPU that the first account, the server's, has used so far. */
double account_cpu(void) { return count ? (double)total(&accounts[0], cpu) / 1000 : 0; }

void account_start(void) {
    for (unsigned i = 0; i < count; i++) {
        accounts[i].cpu = total(&accounts[i], cpu);
        accounts[i].waited = total(&accounts[i], waited);
    }
}

void account_print(double per) {
    for (unsigned i = 0; i < count; i++) {
        struct account *a = &accounts[i];
        long kib = 0;
        for (unsigned k = 0; k < a->count; k++)
            kib += resident(a->pids[k]);
        double spent = (double)(total(a, cpu) - a->cpu) / 1000;
        printf("\"%s_cpu_us\": %.0f, \"%s_cpu_each\": %.3f, \"%s_waited_us\": %.0f, \"%s_kib\": %ld, ", a->name, spent,
               a->name, per > 0 ? spent / per : 0, a->name, (double)(total(a, waited) - a->waited) / 1000, a->name,
               kib);
    }
}

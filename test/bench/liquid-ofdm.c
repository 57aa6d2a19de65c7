/*
 * liquid-dsp's OFDM frame generator and synchroniser, one symbol after another, for test/bench/modem.bench.mjs.
 * usage: liquid-ofdm <mod|demod> <cyclic prefix> <guards: 0|1> <symbols>; prints samples per second.
 */
#include <complex.h>
#include <liquid/liquid.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { M = 64, REPEAT = 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int on_symbol(liquid_float_complex *cells, unsigned char *types, unsigned int n, void *count)
{
    (void)cells, (void)types, (void)n;
    (*(long *)count)++;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    unsigned int cp = atoi(argv[2]);
    int guards = atoi(argv[3]);
    long symbols = atol(argv[4]);
    unsigned char types[M];
    /* With guards: liquid's default, which has the same 52 active subcarriers as our ota profile. Without: all in use;
       liquid insists on two pilots. */
    if (guards) ofdmframe_init_default_sctype(M, types);
    else {
        memset(types, OFDMFRAME_SCTYPE_DATA, M);
        types[7] = types[M - 7] = OFDMFRAME_SCTYPE_PILOT;
    }
    ofdmframegen gen = ofdmframegen_create(M, cp, 0, types);
    float complex cells[M];
    for (int i = 0; i < M; i++) cells[i] = (rand() & 1 ? M_SQRT1_2 : -M_SQRT1_2) + I * (rand() & 1 ? M_SQRT1_2 : -M_SQRT1_2);

    if (strcmp(argv[1], "mod") == 0) {
        float complex out[M + M];
        for (long i = 0; i < symbols / 10; i++) ofdmframegen_writesymbol(gen, cells, out);
        double start = now();
        for (long i = 0; i < symbols; i++) ofdmframegen_writesymbol(gen, cells, out);
        printf("%.0f\n", symbols * (double)(M + cp) / (now() - start));
        return 0;
    }
    /* One frame of many symbols, noiseless: synchronised once, then symbol by symbol. */
    long count = 0, length = M + cp, frame_symbols = symbols / REPEAT;
    float complex *frame = malloc(sizeof(*frame) * length * (frame_symbols + 3)), *at = frame;
    ofdmframesync sync = ofdmframesync_create(M, cp, 0, types, on_symbol, &count);
    ofdmframegen_write_S0a(gen, at), at += length;
    ofdmframegen_write_S0b(gen, at), at += length;
    ofdmframegen_write_S1(gen, at), at += length;
    for (long i = 0; i < frame_symbols; i++, at += length) ofdmframegen_writesymbol(gen, cells, at);
    double start = now();
    for (int r = 0; r < REPEAT; r++) {
        ofdmframesync_reset(sync);
        ofdmframesync_execute(sync, frame, at - frame);
    }
    double rate = count * (double)length / (now() - start);
    if (count < REPEAT * (frame_symbols - 2)) return 3;
    printf("%.0f\n", rate);
    return 0;
}

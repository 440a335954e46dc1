/* SPDX-License-Identifier: MIT */
/*
 * main.c - the options of crew-bench.
 *
 * crew-bench measures commands, or benchmarks written against crew/bench.h, in turns, and
 * says what is different for certain. How it works: crew-bench.h.
 */
#include "crew-bench.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROUNDS = 15, /* fewer show only large differences */
	NUMBER_MAX = 100000,
	OPTION_ALL = 256,
	OPTION_FORCE,
	OPTION_HELP,
	OPTION_PLAIN,
	OPTION_SVG,
	OPTION_THRESHOLD,
	OPTION_VERSION,
};

static const struct option options[] = {
	{ "benchmarks", no_argument, NULL, 'b' },
	{ "compare", required_argument, NULL, 'c' },
	{ "input", required_argument, NULL, 'i' },
	{ "name", required_argument, NULL, 'n' },
	{ "peer", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "save", required_argument, NULL, 's' },
	{ "targets", required_argument, NULL, 't' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "plain", no_argument, NULL, OPTION_PLAIN },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "threshold", required_argument, NULL, OPTION_THRESHOLD },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: crew-bench [OPTION]... COMMAND...\n"
	"  or:  crew-bench [OPTION]... -b PROGRAM... [-- NAME...]\n"
	"  or:  crew-bench [OPTION]... -i FILE\n"
	"Measure commands in turns, and say which differences are no accident.\n"
	"\n"
	"Each COMMAND is one argument, for /bin/sh. Its time, its CPU time and its largest\n"
	"memory are measured. The commands are A, B and so on; the last one is judged, by the\n"
	"others, by what was saved before, and by targets.\n"
	"\n"
	"  -b, --benchmarks      the commands are programs of crew/bench.h; only the\n"
	"                          benchmarks called NAME\n"
	"  -r, --rounds=N        start each so often (15)\n"
	"  -w, --warmup=N        and before that so often without counting (1)\n"
	"  -n, --name=NAME       call the first command so; again for the second, ...\n"
	"  -p, --peer=NAME       judge this one instead of the last\n"
	"  -s, --save=FILE       save the results\n"
	"  -c, --compare=FILE    compare with saved results\n"
	"  -t, --targets=FILE    compare with targets: lines 'SERIES FACTOR PEER:SERIES'\n"
	"  -i, --input=FILE      measure nothing, take saved results\n"
	"      --threshold=PCT   smaller differences do not count (5)\n"
	"      --all             with -c: all peers, not only the judged one\n"
	"      --force           with -c: also when that was another machine\n"
	"      --svg=FILE        draw a picture\n"
	"      --plain           print only medians and quartiles, for other programs\n"
	"      --help            print this and exit\n"
	"      --version         print the version and exit\n"
	"\n"
	"Exit status: 0; 1 when a target is missed, or something is worse than before;\n"
	"2 when something could not be measured or compared.\n"
	"\n"
	"  crew-bench 'sort big' 'sort -S 1G big'      which is faster?\n"
	"  crew-bench -s before ./work; ...; crew-bench -c before ./work\n";

/* What main() is asked for, besides the job. */
struct request {
	const char *input, *save, *compare, *targets, *svg, *peer;
	bool all, force, plain;
	struct rule rule;
};

static _Noreturn void misuse(void)
{
	fputs("Try 'crew-bench --help' for more information.\n", stderr);
	exit(2);
}

static long read_number(const char *option, const char *text, long least)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < least || value > NUMBER_MAX) {
		fprintf(stderr, "crew-bench: %s takes a number from %ld to %d, not '%s'\n", option,
			least, NUMBER_MAX, text);
		misuse();
	}
	return value;
}

static double read_percent(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0)) {
		fprintf(stderr, "crew-bench: --threshold takes a number, not '%s'\n", text);
		misuse();
	}
	return value;
}

/* The commands get the names of -n, then letters. */
static void name_commands(struct job *job, size_t named)
{
	if (job->command_count > 26)
		die("26 commands at most");
	if (named > job->command_count)
		die("more names than commands");
	for (size_t i = named; i < job->command_count; i++) {
		char letter[2] = { (char)('A' + i), '\0' };

		job->names[i] = need(strdup(letter));
	}
	for (size_t i = 0; i < job->command_count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(job->names[i], job->names[k]) == 0)
				die("two commands are called %s", job->names[i]);
}

static void add_name(struct job *job, size_t *named, char *name)
{
	job->names = need(realloc(job->names, (*named + 27) * sizeof(*job->names)));
	if (name)
		job->names[(*named)++] = name;
}

/* The facts of this machine, for what was measured just now. */
static void add_facts(struct results *results)
{
	char *line = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&line, &size));

	crew_bench_facts(out);
	fclose(out);
	results_line(results, line, NULL);
	free(line);
}

static int report(const struct job *job, struct results *results, const struct request *request)
{
	const char *judged = request->peer ? request->peer :
					     results->series[results->count - 1].peer;
	struct results before = { 0 };
	bool missed = false;
	size_t known = 0;

	for (size_t i = 0; i < results->count; i++)
		known += strcmp(results->series[i].peer, judged) == 0;
	if (!known)
		die("nobody is called %s", judged);
	if (request->save)
		results_save(results, request->save);
	if (request->svg)
		picture_svg(results, request->svg);
	if (request->plain) {
		report_plain(results);
		return 0;
	}
	if (results->machine)
		printf("%s\nload%s\n", results->machine, results->loads ? results->loads : "");
	for (size_t i = 0; i < job->command_count; i++)
		printf("%s: %s\n", job->names[i], job->commands[i]);
	putchar('\n');
	report_table(results, judged);
	if (job->command_count) {
		report_peers(results, judged, &request->rule);
		picture_text(results);
	}
	if (request->compare) {
		results_read(&before, request->compare);
		if (before.cpu && results->cpu && strcmp(before.cpu, results->cpu) != 0 &&
		    !request->force)
			die("%s is of another machine (%s); --force compares all the same",
			    request->compare, before.cpu);
		missed |= report_baseline(&before, results, judged, request->all, &request->rule) >
			  0;
	}
	if (request->targets)
		missed |= report_targets(results, judged, request->targets) > 0;
	return missed;
}

static int finish(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("crew-bench: write error\n", stderr);
		return 2;
	}
	return status;
}

int main(int argc, char **argv)
{
	static char name[] = "crew-bench";
	struct request request = { .rule = { .probability = 0.01, .percent = 5 } };
	struct job job = { .rounds = ROUNDS, .warmup = 1 };
	struct results results = { 0 };
	size_t named = 0;
	int option, end;

	/* getopt_long() complains with it. */
	if (argc > 0)
		argv[0] = name;
	add_name(&job, &named, NULL);
	/* the names of benchmarks stand behind "--" */
	for (end = 1; end < argc && strcmp(argv[end], "--") != 0; end++)
		;
	while ((option = getopt_long(end, argv, "bc:i:n:p:r:s:t:w:", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			job.programs = true;
			break;
		case 'c':
			request.compare = optarg;
			break;
		case 'i':
			request.input = optarg;
			break;
		case 'n':
			add_name(&job, &named, optarg);
			break;
		case 'p':
			request.peer = optarg;
			break;
		case 'r':
			job.rounds = read_number("-r", optarg, 1);
			break;
		case 's':
			request.save = optarg;
			break;
		case 't':
			request.targets = optarg;
			break;
		case 'w':
			job.warmup = read_number("-w", optarg, 0);
			break;
		case OPTION_ALL:
			request.all = true;
			break;
		case OPTION_FORCE:
			request.force = true;
			break;
		case OPTION_PLAIN:
			request.plain = true;
			break;
		case OPTION_SVG:
			request.svg = optarg;
			break;
		case OPTION_THRESHOLD:
			request.rule.percent = read_percent(optarg);
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish(0);
		case OPTION_VERSION:
			printf("crew-bench (crew) %d.%d.%d\n", CREW_VERSION_MAJOR,
			       CREW_VERSION_MINOR, CREW_VERSION_PATCH);
			return finish(0);
		default:
			misuse();
		}
	}
	job.commands = argv + optind;
	job.command_count = (size_t)(end - optind);
	if (end < argc) {
		job.chosen = argv + end + 1;
		job.chosen_count = (size_t)(argc - end - 1);
	}
	if (job.chosen_count && !job.programs) {
		fputs("crew-bench: names of benchmarks need -b\n", stderr);
		misuse();
	}
	if (!request.input == !job.command_count) {
		fputs("crew-bench: commands or -i FILE are needed, not both\n", stderr);
		misuse();
	}
	name_commands(&job, named);
	if (request.input) {
		results_read(&results, request.input);
	} else {
		add_facts(&results);
		measure(&job, &results);
	}
	return finish(report(&job, &results, &request));
}

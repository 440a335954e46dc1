/* SPDX-License-Identifier: MIT */
/*
 * main.c - the options of crew-bench.
 *
 * crew-bench measures commands, or benchmarks written against crew/bench.h, in turns, and
 * says what is different for certain. How it works: crew-bench.h.
 */
#include "crew-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	bool all, force, plain, measuring;
	struct rule rule;
	struct results before; /* what compare and targets name */
	struct targets limits;
};

static _Noreturn void misuse(const char *sentence)
{
	if (sentence)
		fprintf(stderr, "crew-bench: %s\n", sentence);
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
		misuse(NULL);
	}
	return value;
}

static double read_percent(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || !isfinite(value)) {
		fprintf(stderr, "crew-bench: --threshold takes a number from 0, not '%s'\n", text);
		misuse(NULL);
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
	if (name && (!*name || name[strcspn(name, ": \t\n")]))
		misuse("-n takes a word without ':', for tables and targets");
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

static void check_options(const struct job *job, const struct request *request)
{
	if (job->chosen_count && !job->programs)
		misuse("names of benchmarks need -b");
	if (!request->input == !job->command_count)
		misuse("commands or -i FILE are needed, not both");
	if (request->input && request->measuring)
		misuse("-i measures nothing: -b, -n, -r and -w are for commands");
	if ((request->all || request->force) && !request->compare)
		misuse("--all and --force need -c");
	if (request->plain && (request->compare || request->targets))
		misuse("--plain prints no verdicts: not with -c or -t");
}

static void check_writable(const char *path)
{
	bool there = access(path, F_OK) == 0;
	int out = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (out < 0)
		die("%s: %s", path, strerror(errno));
	close(out);
	if (!there)
		unlink(path);
}

/* Is there a peer of this name, or will there be? */
static bool known(const struct job *job, const struct results *results, const char *peer)
{
	for (size_t i = 0; i < job->command_count; i++)
		if (strcmp(job->names[i], peer) == 0)
			return true;
	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->series[i].peer, peer) == 0)
			return true;
	return false;
}

/* What would make all the measuring useless is found before it. */
static void prepare(const struct job *job, const struct results *results, struct request *request)
{
	struct results *before = &request->before;

	if (request->peer && !known(job, results, request->peer))
		die("nobody is called %s", request->peer);
	if (request->compare) {
		results_read(before, request->compare);
		if (before->cpu && results->cpu && strcmp(before->cpu, results->cpu) != 0 &&
		    !request->force)
			die("%s is of another machine (%s); --force compares all the same",
			    request->compare, before->cpu);
	}
	if (request->targets)
		targets_read(&request->limits, request->targets);
	if (request->save)
		check_writable(request->save);
	if (request->svg)
		check_writable(request->svg);
}

static int report(const struct job *job, struct results *results, const struct request *request)
{
	const char *judged = request->peer ? request->peer :
					     results->series[results->count - 1].peer;
	bool missed = false;

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
	if (request->compare)
		missed |= report_baseline(&request->before, results, judged, request->all,
					  &request->rule) > 0;
	if (request->targets)
		missed |= report_targets(results, judged, &request->limits) > 0;
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

	/* what is closed would become a file or a pipe: it is made one that fails */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			return 2;
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
			request.measuring = true;
			job.programs = true;
			break;
		case 'c':
			request.compare = optarg;
			break;
		case 'i':
			request.input = optarg;
			break;
		case 'n':
			request.measuring = true;
			add_name(&job, &named, optarg);
			break;
		case 'p':
			request.peer = optarg;
			break;
		case 'r':
			request.measuring = true;
			job.rounds = read_number("-r", optarg, 1);
			break;
		case 's':
			request.save = optarg;
			break;
		case 't':
			request.targets = optarg;
			break;
		case 'w':
			request.measuring = true;
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
			misuse(NULL);
		}
	}
	job.commands = argv + optind;
	job.command_count = (size_t)(end - optind);
	if (end < argc) {
		job.chosen = argv + end + 1;
		job.chosen_count = (size_t)(argc - end - 1);
	}
	check_options(&job, &request);
	name_commands(&job, named);
	if (request.input)
		results_read(&results, request.input);
	else
		add_facts(&results);
	prepare(&job, &results, &request);
	if (!request.input)
		measure(&job, &results);
	return finish(report(&job, &results, &request));
}

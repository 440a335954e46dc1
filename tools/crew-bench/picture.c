/* SPDX-License-Identifier: MIT */
/* picture.c - bars: in letters below the table, or as an SVG file. */
#include "crew-bench.h"

#include <errno.h>
#include <string.h>

enum {
	BAR_LETTERS = 50,
	BAR_PIXELS = 480,
	LABEL_PIXELS = 170,
	LINE_PIXELS = 18,
};

/* The largest upper quartile of a benchmark: what a full bar is. */
static double largest(const struct results *results, const char *bench)
{
	double most = 0;

	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->series[i].bench, bench) == 0 &&
		    quartile(&results->series[i].samples, 3) > most)
			most = quartile(&results->series[i].samples, 3);
	return most > 0 ? most : 1;
}

/* Of one benchmark, from `at` on. */
static size_t next_peer(const struct results *results, size_t at, const char *bench)
{
	while (at < results->count && strcmp(results->series[at].bench, bench) != 0)
		at++;
	return at;
}

void picture_text(const struct results *results)
{
	for (size_t b = 0; b < results->count; b++) {
		const char *bench = results->series[b].bench;
		double scale = BAR_LETTERS / largest(results, bench);

		if (!results_begins(results, b))
			continue;
		printf("\n%s, %s\n", bench, results->series[b].unit);
		for (size_t i = b; i < results->count; i = next_peer(results, i + 1, bench)) {
			const struct series *series = &results->series[i];
			int middle = (int)(median(&series->samples) * scale + 0.5);
			int high = (int)(quartile(&series->samples, 3) * scale + 0.5);

			printf("  %-16s ", series->peer);
			for (int k = 0; k < high; k++)
				putchar(k < middle ? '#' : '-');
			printf(" %s\n", number(median(&series->samples)));
		}
	}
}

static void svg_text(FILE *out, int x, int y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
	for (; *text; text++)
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else
			fputc(*text, out);
	fputs("</text>\n", out);
}

/* A bar up to the median, a line from quartile to quartile. */
static void svg_bar(FILE *out, const struct series *series, int y, double scale)
{
	double middle = median(&series->samples) * scale;
	double low = quartile(&series->samples, 1) * scale;
	double high = quartile(&series->samples, 3) * scale;

	svg_text(out, LABEL_PIXELS - 8, y + 12, "end", series->peer);
	fprintf(out,
		"<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"12\" fill=\"#5b8db8\"/>\n"
		"<path d=\"M%.1f %dH%.1f\" stroke=\"#222\" stroke-width=\"2\"/>\n",
		LABEL_PIXELS, y + 2, middle, LABEL_PIXELS + low, y + 8, LABEL_PIXELS + high);
	svg_text(out, LABEL_PIXELS + (int)high + 6, y + 12, "start",
		 number(median(&series->samples)));
}

void picture_svg(const struct results *results, const char *path)
{
	FILE *out = fopen(path, "w");
	int height = 10, y = 10;
	bool failed;

	if (!out)
		die("%s: %s", path, strerror(errno));
	for (size_t b = 0; b < results->count; b++)
		if (results_begins(results, b))
			height += 2 * LINE_PIXELS;
	height += (int)results->count * LINE_PIXELS;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		LABEL_PIXELS + BAR_PIXELS + 80, height);
	for (size_t b = 0; b < results->count; b++) {
		const char *bench = results->series[b].bench;
		double scale = BAR_PIXELS / largest(results, bench);
		char title[128];

		if (!results_begins(results, b))
			continue;
		snprintf(title, sizeof(title), "%s, %s", bench, results->series[b].unit);
		svg_text(out, LABEL_PIXELS, y + LINE_PIXELS, "start", title);
		y += 2 * LINE_PIXELS - LINE_PIXELS / 2;
		for (size_t i = b; i < results->count; i = next_peer(results, i + 1, bench)) {
			svg_bar(out, &results->series[i], y, scale);
			y += LINE_PIXELS;
		}
		y += LINE_PIXELS / 2;
	}
	fputs("</svg>\n", out);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		die("%s: cannot be written", path);
}

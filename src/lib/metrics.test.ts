import { expect, test } from "vitest";
import { Metrics } from "./metrics.ts";

test("metrics are written in Prometheus' text form", async () => {
  const metrics = new Metrics();
  const requests = metrics.counter("requests_total", "Requests.", ["verb", "code"]);
  requests.inc({ verb: "GET", code: "200" });
  requests.with({ verb: "GET", code: "200" }).inc(2);
  requests.inc({ verb: 'a"b\\c\nd' });
  metrics.gauge("depth", "How deep.").set(3);
  metrics.gauge("depth", "How deep.").dec();
  const seconds = metrics.histogram("seconds", "How long.", ["verb"], [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe({ verb: "GET" }, value);

  expect(await metrics.text()).toBe(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="GET",code="200"} 3
requests_total{verb="a\\"b\\\\c\\nd"} 1

# HELP depth How deep.
# TYPE depth gauge
depth 2

# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{verb="GET",le="0.1"} 2
seconds_bucket{verb="GET",le="1"} 3
seconds_bucket{verb="GET",le="+Inf"} 4
seconds_sum{verb="GET"} 7.65
seconds_count{verb="GET"} 4

`);
});

test("asking for a metric again gives the same one", async () => {
  const metrics = new Metrics();
  metrics.counter("a_total", "A.").inc();
  metrics.counter("a_total", "A.").inc();
  expect(await metrics.text()).toContain("a_total 2\n");
});

test("labels without end are counted as one in the end", async () => {
  const metrics = new Metrics();
  const paths = metrics.counter("paths_total", "Paths.", ["path"]);
  for (let index = 0; index < 10_500; index++) paths.inc({ path: `/${index}` });
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("paths_total{"));
  expect(lines).toHaveLength(10_001);
  expect(lines.at(-1)).toBe('paths_total{path="other"} 500');
});

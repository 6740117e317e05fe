"""The page of `brood report --to html`, as a browser shows it."""

import html.parser
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import report_lines
from program import LIMIT, ProgramTest

BROWSER = next(filter(None, map(shutil.which, (
    "chromium", "chromium-browser", "google-chrome"))), None)


class Page(html.parser.HTMLParser):
    """The elements of a document as (tag, attributes, text below)."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = [tag, dict(attributes), ""]
        self.elements.append(element)
        if tag not in ("meta", "link", "input", "br"):
            self.open.append(element)

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element[2] += data

    def find(self, **wanted):
        """Those whose attributes hold what is wanted; `tag` is the tag."""
        tag = wanted.pop("tag", None)
        return [element for element in self.elements
                if tag in (None, element[0])
                and all(value in (element[1].get(name) or "")
                        for name, value in wanted.items())]

    def text_of(self, identity):
        return [text for _, attributes, text in self.elements
                if attributes.get("id") == identity][0]


class PageTest(ProgramTest):
    def make(self, lines):
        report = pathlib.Path(self.path("r"))
        report.write_text(lines)
        page = self.path("page.html")
        done = self.run_program("report", report, "--to", "html", "-o", page)
        self.assertEqual(done.returncode, 0)
        return page


class WithoutABrowser(PageTest):
    def test_is_one_file_that_needs_no_network(self):
        text = pathlib.Path(self.make(report_lines.sample())).read_text()
        page = Page(text)
        for name in ("src", "href"):
            for _, attributes, _ in page.elements:
                self.assertTrue(attributes.get(name, "#")[0] == "#"
                                or attributes[name].startswith("data:"))
        self.assertIn("default-src 'none'", text)
        self.assertNotIn("@import", text)
        for mark in ("@data@", "@style@", "@script@"):
            self.assertNotIn(mark, text)

    def test_no_output_of_a_job_gets_out_of_the_data(self):
        text = pathlib.Path(self.make(report_lines.sample())).read_text()
        page = Page(text)
        scripts = page.find(tag="script")
        self.assertEqual(len(scripts), 2)
        data = page.text_of("data")
        self.assertFalse(set("<>&\u2028\u2029\x1b\x01") & set(data))
        jobs = json.loads(data)["jobs"]
        self.assertEqual(len(jobs), 13)
        self.assertIn("</script><script>document.title='broken'</script>\u2028"
                      "<!-- ]]> &amp; \"'red", jobs[2][17])


@unittest.skipUnless(BROWSER, "there is no Chromium; apt-get install chromium")
class InABrowser(PageTest):
    def show(self, lines, script=""):
        """The page as it is after `script`; what that adds to `seen`, too."""
        page = pathlib.Path(self.make(lines))
        if script:
            text = page.read_text()
            page.write_text(text.replace(
                "</body>",
                "<ol id='seen'></ol><script>"
                "const see = value => { const item = "
                "document.createElement('li'); item.textContent = "
                "String(value); seen.append(item); };"
                f"{script}</script></body>"))
        command = [BROWSER, "--headless", "--disable-gpu", "--no-first-run",
                   "--disable-dev-shm-usage",
                   f"--user-data-dir={self.path('profile')}",
                   "--window-size=1280,1000", "--virtual-time-budget=3000",
                   "--dump-dom", page.as_uri()]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        # Without the test's mark: the browser's helpers end in their own time.
        done = subprocess.run(command, capture_output=True, timeout=LIMIT,
                              cwd=self.folder)
        shown = Page(done.stdout.decode())
        root = shown.elements[0][1]
        self.assertNotIn("data-error", root)
        self.assertIn("data-ready", root)
        return shown

    def seen(self, lines, script):
        return [text for tag, _, text in self.show(lines, script).elements
                if tag == "li" and "class" not in _][-script.count("see("):]

    def test_shows_the_run(self):
        page = self.show(report_lines.sample())
        self.assertEqual(page.text_of("title"), "brood -j4 'cc -c {}'")
        self.assertIn("brood report", page.find(tag="title")[0][2])
        totals = page.text_of("totals")
        for text in ("Jobs12", "Ok✓ 3", "Failed✗ 5", "Timed out◔ 2",
                     "Elapsed35.5 s", "Largest process42 MB"):
            self.assertIn(text, totals)
        self.assertEqual(page.text_of("failures-title"), "Failures (7)")
        failures = page.text_of("failures")
        self.assertIn("first\nlast words", failures)
        self.assertIn("</script><script>document.title", failures)
        self.assertIn("not started: No such file or directory", failures)
        self.assertEqual(len(page.find(tag="button", **{
            "class": "open"})), 13)
        # Seven ended badly; the text says so beside each colour.
        for result in page.find(tag="span", **{"class": "result failed"}):
            if "aria-hidden" not in result[1]:
                self.assertIn("✗", result[2])

    def test_is_usable_without_a_mouse_or_a_screen(self):
        page = self.show(report_lines.sample())
        timeline, = page.find(id="timeline", role="application")
        self.assertEqual(timeline[1]["tabindex"], "0")
        self.assertTrue(timeline[1]["aria-label"])
        for identity in (timeline[1]["aria-describedby"], "jobs"):
            self.assertTrue(page.find(id=identity))
        for tag, attributes, text in page.elements:
            if tag == "button":
                self.assertTrue(text.strip() or attributes["aria-label"])
            if tag in ("input", "select"):
                label = [one for one in page.elements if one[0] == "label"
                         and one[2].split()[0].lower() == attributes["id"]]
                self.assertTrue(label, attributes)
            if tag == "section":
                self.assertTrue(attributes.get("aria-label")
                                or page.find(id=attributes["aria-labelledby"]))
        self.assertEqual(len(page.find(tag="th", **{"aria-sort": ""})), 9)

    def test_searches_filters_and_sorts(self):
        self.assertEqual(self.seen(report_lines.sample(), """
            const rows = () => [...document.querySelectorAll('.open')]
              .map(button => button.textContent).join(' ');
            const type = (id, value, event) => {
              byId(id).value = value;
              byId(id).dispatchEvent(new Event(event));
            };
            see(rows());
            type('search', 'last words', 'input');
            see(rows());
            see(byId('count').textContent);
            type('search', 'nothing like it', 'input');
            see(byId('rows').textContent);
            type('search', '', 'input');
            type('result', 'signal', 'change');
            see(rows());
            type('result', '!ok', 'change');
            see(rows());
            type('result', '', 'change');
            const head = name => [...document.querySelectorAll('th')]
              .find(one => one.textContent.startsWith(name));
            head('Elapsed').firstChild.click();
            see(rows().split(' ')[0]);
            see(head('Elapsed').getAttribute('aria-sort'));
            head('Elapsed').firstChild.click();
            see(head('Elapsed').getAttribute('aria-sort'));
            """), [
                "1 2 3 4 5 6 7 8 9 10 11 11 12", "2", "1 of 13 rows",
                "No job is like that.", "4", "2 3 4 5 6 7 8 9 10 11",
                "5", "descending", "ascending"])

    def test_rows_open_and_the_timeline_goes_by_keyboard(self):
        self.assertEqual(self.seen(report_lines.sample(), """
            const open = document.querySelectorAll('.open')[1];
            open.click();
            see(open.getAttribute('aria-expanded'));
            see(document.querySelector('.detail pre').textContent);
            open.click();
            see(document.querySelectorAll('.detail').length);
            const key = name => byId('timeline').dispatchEvent(
              new KeyboardEvent('keydown', {key: name, bubbles: true}));
            const picked = () => byId('picked').textContent.split(' · ')[0];
            see(byId('picked').hidden);
            key('ArrowRight'); see(picked());
            key('ArrowRight'); see(picked());
            key('ArrowDown'); see(picked());
            key('End'); see(picked());
            const width = () => timeline.view[1] - timeline.view[0];
            const all = width();
            key('+'); see((all / width()).toFixed(3));
            key('-'); see((all / width()).toFixed(3));
            key('+'); key('0'); see((all / width()).toFixed(3));
            key('Escape'); see(byId('picked').hidden);
            """), [
                "true", "first\nlast words\n", "0", "true", "Job 1", "Job 2",
                "Job 4", "Job 12", "2.000", "1.000", "1.000", "true"])

    def test_says_nothing_of_output_that_nobody_counted(self):
        lines = report_lines.run_line() + "".join(
            report_lines.job_line(seq, "exit", code=1, out_bytes=out,
                                  err_bytes=err)
            for seq, out, err in ((1, None, None), (2, 7, None), (3, 0, 0)))
        self.assertEqual(self.seen(lines + report_lines.end_line(), """
            const at = tableColumns.findIndex(one => one.name === 'Output');
            see([...byId('rows').rows].map(
              row => row.cells[at].textContent).join('; '));
            see([...document.querySelectorAll('#failures .facts')].map(
              facts => facts.textContent.match(/Output(.*?errors|\\d+ B)|$/)[0])
              .join('; '));
            """), ["–; 7 B; 0 B", "; Output7 B; Output0 B, 0 B of errors"])

    def test_ten_thousand_jobs(self):
        lines = report_lines.run_line() + "".join(
            report_lines.job_line(seq, "exit" if seq % 100 == 0 else "ok",
                                  slot=seq % 32 + 1, wall_s=0.3)
            for seq in range(1, 10001)) + report_lines.end_line()
        page = self.show(lines)
        self.assertEqual(page.elements[0][1]["data-ready"], "10000")
        self.assertEqual(len(page.find(tag="button", **{
            "class": "open"})), 100)
        self.assertEqual(page.text_of("page"), "1–100 of 10,000")
        self.assertEqual(page.text_of("failures-title"), "Failures (100)")
        self.assertEqual(page.text_of("more-failures"), "Show 20 more of 80")

    def test_runs_that_were_cut_off_or_resumed_or_empty(self):
        lines = report_lines.sample().splitlines(keepends=True)
        self.assertIn("This run has no end", self.show(
            "".join(lines[:5])).text_of("banner"))
        page = self.show("".join(lines) + lines[0] +
                         report_lines.job_line(2, start=report_lines.START
                                               + 70) + lines[-1])
        self.assertIn("2 runs", page.text_of("banner"))
        self.assertIn("Failed✗ 4", page.text_of("totals"))
        self.assertIn("Jobs12", page.text_of("totals"))
        self.assertIn("data-ready", self.show("").elements[0][1])
        # The middle of a report, without its first line.
        self.assertIn("Jobs1", self.show(lines[1]).text_of("totals"))


if __name__ == "__main__":
    unittest.main()

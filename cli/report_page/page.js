// Puts the parts together.

showHead();
showBanner();
showTotals();
showLegend();
if (report.ran.length)
  window.timeline = new Timeline(report.ran, report.from, report.to, showPicked);
else
  byId('timeline-section').hidden = true;
showFailures();
showSlowest();
window.table = new JobTable(report.jobs);
document.documentElement.dataset.ready = String(report.jobs.length);

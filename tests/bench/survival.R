# CPU seconds of R for what the bench `survival` does, on the same patients:
#   Rscript survival.R patients.csv ...
# Needs R with the package survival. The smallest of several repetitions is printed.
suppressMessages(library(survival))

cpu_seconds <- function(work, repetitions, loops) {
  once <- function() {
    gc(FALSE)
    begin <- proc.time()
    for (loop in seq_len(loops)) work()
    sum((proc.time() - begin)[c("user.self", "sys.self")]) / loops
  }
  min(replicate(repetitions, once()))
}

for (file in commandArgs(trailingOnly = TRUE)) {
  patients <- as.data.frame(scan(file, list(time = 0, event = 0L, exposed = 0L), sep = ",", skip = 1, quiet = TRUE))
  n <- nrow(patients)
  repetitions <- if (n > 2e6) 1 else 3
  loops <- max(1, 1e5 %/% n)
  curve <- function() {
    fit <- survfit(Surv(time, event) ~ 1, data = patients)
    quantile(fit, 0.5)
  }
  test <- function() survdiff(Surv(time, event) ~ exposed, data = patients)
  median <- curve()
  cat(sprintf("n = %d\nmedian %.17g, interval %.17g to %.17g\nchi-squared %.17g\n",
              n, median$quantile, median$lower, median$upper, test()$chisq))
  cat(sprintf("kaplan-meier with median %.5f s\n", cpu_seconds(curve, repetitions, loops)))
  cat(sprintf("log-rank %.5f s\n", cpu_seconds(test, repetitions, loops)))
}

# CPU seconds of MatchIt for what the bench `matching` calls nearest, on the same patients:
#   Rscript matching.R scores.csv ...
# Needs MatchIt 4.7 or newer: some binaries before 4.5.4 ignore calipers. The smallest of three
# repetitions is printed, beside the number of pairs and the total distance. `verbose` work such as
# balance tables is not part of it.
suppressMessages(library(MatchIt))
stopifnot(packageVersion("MatchIt") >= "4.7.0")

for (file in commandArgs(trailingOnly = TRUE)) {
  patients <- as.data.frame(scan(file, list(exposed = 0L, score = 0), sep = ",", skip = 1, quiet = TRUE))
  for (caliper in list(0.2, NULL)) {
    work <- function() {
      matchit(exposed ~ 1, data = patients, distance = patients$score, caliper = caliper)
    }
    once <- function() {
      gc(FALSE)
      begin <- proc.time()
      work()
      sum((proc.time() - begin)[c("user.self", "sys.self")])
    }
    fit <- work()
    pairs <- fit$match.matrix[!is.na(fit$match.matrix[, 1]), , drop = FALSE]
    score <- setNames(patients$score, rownames(patients))
    total <- sum(abs(score[rownames(pairs)] - score[pairs[, 1]]))
    cat(sprintf("nearest%s, n = %d: %d pairs, total %.17g, %.5f s\n",
                if (is.null(caliper)) "" else " in a caliper",
                nrow(patients), nrow(pairs), total, min(replicate(3, once()))))
  }
}

//! How much work a comparison may take: counted in steps, so that the same input ends the same way everywhere.

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    left: usize,
}

impl Budget {
    /// A budget of so many steps.
    pub(super) fn new(steps: usize) -> Self {
        Self { steps, left: steps }
    }

    /// Takes steps off; `false` when they are used up.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        self.left = self.left.saturating_sub(steps.max(1));
        self.left > 0
    }

    /// How many steps were taken.
    pub(super) fn spent(&self) -> usize {
        self.steps - self.left
    }
}

//! The forward pass of MiniLM: six layers of BERT, mean pooling, unit length.
//!
//! Written on rten's matrix kernels instead of its graph runtime. The graph holds every weight
//! twice, as read and packed for the kernels (42 MB more), or packs them again in each run (2 ms
//! more per query); and it pads the texts of a batch to one length. Here a weight is packed while
//! it is read and then dropped, and the texts of a batch lie one after the other without padding:
//! only attention has to know where one ends.

use std::ops::Range;

use rayon::prelude::*;
use rten_gemm::{
    BiasVector, GemmError, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix,
};
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_tensor::Matrix;
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Softmax, Sum, SumSquare, SumSquareSub};

use crate::config::Config;
use crate::error::{ForwardError, LoadError};
use crate::tensors::Tensors;
use crate::{DIM, TOKENS_MAX};

/// Rows that one task handles at once where rows are independent of each other.
const ROWS_PER_TASK: usize = 8;

/// The weights in the form in which they are used; shared by all threads.
pub(crate) struct Bert {
    /// One row of [`DIM`] for each token.
    words: Vec<f32>,
    /// One row for each position, the row of the only token type added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

struct Layer {
    /// Query, key and value in one product.
    query_key_value: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

struct Linear {
    weight: PackedBMatrix<f32>,
    bias: Vec<f32>,
}

struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

impl Bert {
    pub(crate) fn read(tensors: &mut Tensors, config: &Config) -> Result<Self, LoadError> {
        let positions = [config.max_position_embeddings, DIM];
        let mut positions = tensors.read_rows(
            "embeddings.position_embeddings.weight",
            &positions,
            TOKENS_MAX,
        )?;
        let types = [config.type_vocab_size, DIM];
        let first_type = tensors.read_rows("embeddings.token_type_embeddings.weight", &types, 1)?;
        positions
            .chunks_exact_mut(DIM)
            .for_each(|position| add(position, &first_type));
        Ok(Self {
            words: tensors.read(
                "embeddings.word_embeddings.weight",
                &[config.vocab_size, DIM],
            )?,
            positions,
            norm: Norm::read(tensors, "embeddings.LayerNorm", config)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| Layer::read(tensors, &format!("encoder.layer.{layer}"), config))
                .collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// Embeds token sequences; gives one row of [`DIM`] numbers of unit length for each.
    ///
    /// Uses the thread pool it is called in.
    pub(crate) fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let gemm = GemmExecutor::default();
        let spans = spans(texts);
        let mut rows = self.token_rows(texts)?;
        self.norm.apply(&mut rows);
        let mut scratch = Scratch::for_rows(rows.len() / DIM, &self.layers);
        for layer in &self.layers {
            layer.forward(&gemm, &spans, self.heads, &mut rows, &mut scratch)?;
        }
        Ok(spans
            .iter()
            .map(|span| unit_mean(&rows[span.start * DIM..span.end * DIM]))
            .collect())
    }

    /// Word plus position, for all tokens of all texts.
    fn token_rows(&self, texts: &[&[u32]]) -> Result<Vec<f32>, ForwardError> {
        let mut rows = Vec::with_capacity(texts.iter().map(|ids| ids.len()).sum::<usize>() * DIM);
        for ids in texts {
            for (index, &id) in ids.iter().enumerate() {
                let word =
                    row(&self.words, id as usize).ok_or(ForwardError::UnknownToken { id })?;
                let position = row(&self.positions, index)
                    .ok_or(ForwardError::TooLong { tokens: ids.len() })?;
                rows.extend(
                    word.iter()
                        .zip(position)
                        .map(|(word, position)| word + position),
                );
            }
        }
        Ok(rows)
    }
}

/// Working memory of one forward pass, used by one layer after the other.
struct Scratch {
    query_key_value: Vec<f32>,
    by_head: Vec<f32>,
    attended: Vec<f32>,
    wide: Vec<f32>,
}

impl Scratch {
    fn for_rows(rows: usize, layers: &[Layer]) -> Self {
        let wide = layers
            .iter()
            .map(|layer| layer.up.bias.len())
            .max()
            .unwrap_or(0);
        Self {
            query_key_value: vec![0.0; rows * 3 * DIM],
            by_head: vec![0.0; rows * DIM],
            attended: vec![0.0; rows * DIM],
            wide: vec![0.0; rows * wide],
        }
    }
}

impl Layer {
    fn read(tensors: &mut Tensors, name: &str, config: &Config) -> Result<Self, LoadError> {
        let wide = config.intermediate_size;
        let parts = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        let [query, key, value] = &parts;
        Ok(Self {
            query_key_value: Linear::read(tensors, &[query, key, value], DIM, DIM)?,
            attended: Linear::read(
                tensors,
                &[&format!("{name}.attention.output.dense")],
                DIM,
                DIM,
            )?,
            attended_norm: Norm::read(
                tensors,
                &format!("{name}.attention.output.LayerNorm"),
                config,
            )?,
            up: Linear::read(tensors, &[&format!("{name}.intermediate.dense")], DIM, wide)?,
            down: Linear::read(tensors, &[&format!("{name}.output.dense")], wide, DIM)?,
            norm: Norm::read(tensors, &format!("{name}.output.LayerNorm"), config)?,
        })
    }

    fn forward(
        &self,
        gemm: &GemmExecutor,
        spans: &[Range<usize>],
        heads: usize,
        rows: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), GemmError> {
        let Scratch {
            query_key_value,
            by_head,
            attended,
            wide,
        } = scratch;
        self.query_key_value.apply(gemm, rows, query_key_value)?;
        attend(gemm, spans, heads, query_key_value, by_head)?;
        join_heads(spans, heads, by_head, attended);
        self.attended.add_to(gemm, attended, rows)?;
        self.attended_norm.apply(rows);

        self.up.apply(gemm, rows, wide)?;
        wide.par_chunks_mut(self.up.bias.len() * ROWS_PER_TASK)
            .for_each(|part| Gelu {}.map_mut(part));
        self.down.add_to(gemm, wide, rows)?;
        self.norm.apply(rows);
        Ok(())
    }
}

impl Linear {
    /// Reads one or more linear maps from `inputs` to `outputs` numbers as one map that gives the
    /// results side by side.
    fn read(
        tensors: &mut Tensors,
        names: &[&str],
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, LoadError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(tensors.read(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(tensors.read(&format!("{name}.bias"), &[outputs])?);
        }
        let weight = Matrix::from_data([outputs * names.len(), inputs], weight.as_slice());
        Ok(Self {
            weight: GemmExecutor::<f32>::default().prepack_b(weight.transposed()),
            bias,
        })
    }

    /// `output = input * weight + bias`, row by row.
    fn apply(
        &self,
        gemm: &GemmExecutor,
        input: &[f32],
        output: &mut [f32],
    ) -> Result<(), GemmError> {
        self.product(gemm, input, output, 0.0)
    }

    /// `output += input * weight + bias`, row by row.
    fn add_to(
        &self,
        gemm: &GemmExecutor,
        input: &[f32],
        output: &mut [f32],
    ) -> Result<(), GemmError> {
        self.product(gemm, input, output, 1.0)
    }

    fn product(
        &self,
        gemm: &GemmExecutor,
        input: &[f32],
        output: &mut [f32],
        keep: f32,
    ) -> Result<(), GemmError> {
        let inputs = self.weight.rows();
        let input = Matrix::from_data([input.len() / inputs, inputs], input);
        let options = GemmOptions {
            beta: keep,
            bias: Some(BiasVector::Row(&self.bias)),
            ..Default::default()
        };
        gemm.gemm(
            output,
            GemmInputA::Unpacked(input),
            GemmInputB::Packed(&self.weight),
            options,
        )
    }
}

impl Norm {
    fn read(tensors: &mut Tensors, name: &str, config: &Config) -> Result<Self, LoadError> {
        Ok(Self {
            scale: tensors.read(&format!("{name}.weight"), &[DIM])?,
            shift: tensors.read(&format!("{name}.bias"), &[DIM])?,
            epsilon: config.layer_norm_eps,
        })
    }

    /// Brings each row to mean 0 and variance 1, then to the learned scale and shift.
    fn apply(&self, rows: &mut [f32]) {
        rows.par_chunks_mut(DIM * ROWS_PER_TASK).for_each(|part| {
            for row in part.chunks_exact_mut(DIM) {
                let mean = Sum::new(row).dispatch() / DIM as f32;
                let variance = SumSquareSub::new(row, mean).dispatch() / DIM as f32;
                let options = NormalizeOptions {
                    pre_scale_bias: mean,
                    scale: (variance + self.epsilon).sqrt().recip(),
                    element_scale: Some(&self.scale),
                    element_bias: Some(&self.shift),
                    bias: 0.0,
                };
                Normalize::new_mut(row, options).dispatch();
            }
        });
    }
}

/// Attention of each text over itself, each head by itself.
///
/// `by_head` receives, text after text, head after head, a block of one row per token.
fn attend(
    gemm: &GemmExecutor,
    spans: &[Range<usize>],
    heads: usize,
    query_key_value: &[f32],
    by_head: &mut [f32],
) -> Result<(), GemmError> {
    let width = DIM / heads;
    let all = Matrix::from_data(
        [query_key_value.len() / (3 * DIM), 3 * DIM],
        query_key_value,
    );
    let mut blocks = Vec::with_capacity(spans.len() * heads);
    let mut rest = by_head;
    for span in spans {
        for head in 0..heads {
            let (block, after) = rest.split_at_mut(span.len() * width);
            blocks.push((span.clone(), head * width, block));
            rest = after;
        }
    }
    blocks
        .into_par_iter()
        .try_for_each_init(Vec::new, |scores, (span, column, block)| {
            let part = |which: usize| {
                let from = which * DIM + column;
                all.slice((span.clone(), from..from + width))
            };
            let tokens = span.len();
            scores.resize(tokens * tokens, 0.0);
            let options = GemmOptions {
                alpha: (width as f32).sqrt().recip(),
                ..Default::default()
            };
            let keys = part(1).transposed();
            gemm.gemm(
                scores,
                GemmInputA::Unpacked(part(0)),
                GemmInputB::Unpacked(keys),
                options,
            )?;
            scores.chunks_exact_mut(tokens).for_each(|row| {
                Softmax::new_mut(row).dispatch();
            });
            let weights = Matrix::from_data([tokens, tokens], scores.as_slice());
            gemm.gemm(
                block,
                GemmInputA::Unpacked(weights),
                GemmInputB::Unpacked(part(2)),
                GemmOptions::default(),
            )
        })
}

/// Puts the blocks of the heads side by side again, one row of [`DIM`] per token.
fn join_heads(spans: &[Range<usize>], heads: usize, by_head: &[f32], rows: &mut [f32]) {
    let width = DIM / heads;
    for span in spans {
        let (from, to) = (span.start * DIM, span.end * DIM);
        for (head, block) in by_head[from..to]
            .chunks_exact(span.len() * width)
            .enumerate()
        {
            let targets = rows[from..to].chunks_exact_mut(DIM);
            for (target, part) in targets.zip(block.chunks_exact(width)) {
                target[head * width..(head + 1) * width].copy_from_slice(part);
            }
        }
    }
}

/// The mean of all rows, brought to length 1.
fn unit_mean(rows: &[f32]) -> Vec<f32> {
    let mut mean = vec![0.0; DIM];
    rows.chunks_exact(DIM).for_each(|row| add(&mut mean, row));
    let length = SumSquare::new(&mean).dispatch().sqrt();
    mean.iter_mut().for_each(|entry| *entry /= length);
    mean
}

/// Where the rows of each text are.
fn spans(texts: &[&[u32]]) -> Vec<Range<usize>> {
    let mut start = 0;
    let next = |ids: &&[u32]| {
        let span = start..start + ids.len();
        start = span.end;
        span
    };
    texts.iter().map(next).collect()
}

fn row(rows: &[f32], index: usize) -> Option<&[f32]> {
    rows.get(index.checked_mul(DIM)?..)?.get(..DIM)
}

fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

"""Folders of tiny random text encoders as transformers saves them, and what it gives for some tokens.

    python tests/golden/text_encoders.py

Made with transformers 5.24.0, torch 2.14.1 and tokenizers 0.23.3. Every parameter is random, norms and biases too,
and large enough that each matters. Each folder has config.json, model.safetensors and expected.npz: tokens [batch,
time] with padding on the right, lengths [batch], the last hidden states, and logits, vectors or the state at the
end token where the model gives them; t5 also the buckets of distances from −300 to 300. The folder minilm is a
sentence encoder, with a tokenizer and the files of sentence-transformers; the vectors of its texts are made here as
that library says: the mean over tokens, normalised.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).resolve().parent / "text_encoders"
WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "ship",
    "sails",
    "sleeps",
    "runs",
    "on",
    "sea",
    "mat",
    "red",
    "old",
    "small",
    "un",
    "##s",
    "##ing",
    "##ed",
    ",",
    ".",
    "!",
]
TEXTS = ["The cat sleeps.", "An old ship sails on the red sea!", "dogs", "A small dog runs, runs, runs on the mat"]
SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
BERT = {"vocab_size": 40, "max_position_embeddings": 24, **SMALL}
CLIP = {"vocab_size": 40, "max_position_embeddings": 12, "projection_dim": 6, "bos_token_id": 37, **SMALL}
VISION = {"image_size": 4, "patch_size": 2, **SMALL}


def t5(**options):
    sizes = {"vocab_size": 40, "d_model": 8, "d_kv": 3, "d_ff": 12, "num_layers": 2, "num_heads": 2}
    buckets = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 12}
    return hf.T5Config(**sizes, **buckets, num_decoder_layers=1, **options)


def clip(eos, activation):
    text = {**CLIP, "hidden_act": activation, "eos_token_id": eos}
    return hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=6)


MODELS = {
    "bert": lambda: hf.BertForMaskedLM(hf.BertConfig(**BERT)),
    "minilm": lambda: hf.BertModel(hf.BertConfig(**BERT, hidden_act="gelu_new")),
    "roberta": lambda: hf.RobertaModel(
        hf.RobertaConfig(**BERT | {"max_position_embeddings": 26}, hidden_act="relu", type_vocab_size=1)
    ),
    "distilbert": lambda: hf.DistilBertModel(
        hf.DistilBertConfig(vocab_size=40, max_position_embeddings=24, n_layers=2, n_heads=2, dim=8, hidden_dim=12)
    ),
    "gpt2": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(vocab_size=40, n_positions=24, n_embd=8, n_layer=2, n_head=2, n_inner=12)
    ),
    "t5": lambda: hf.T5ForConditionalGeneration(t5()),
    "t5_gated": lambda: hf.T5EncoderModel(t5(feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    "clip_text": lambda: hf.CLIPTextModelWithProjection(hf.CLIPTextConfig(**CLIP, eos_token_id=38)),
    "clip": lambda: hf.CLIPModel(clip(2, "gelu")),
}


def randomise(model):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.3 * noise if is_norm else 0.5 * noise)


def tokens_of(name):
    """Random tokens, padded with the model's own token for padding, which no text has in it."""
    lengths = np.array([12, 5, 1, 9] if "clip" in name else [24, 7, 1, 13], np.int32)
    rng, padding = np.random.default_rng(1), 1 if name == "roberta" else 0
    tokens = rng.integers(3, 37, (4, lengths.max())).astype(np.int32)
    if "clip" in name:
        tokens[np.arange(4), lengths - 1] = 38  # the end token, here the largest id
        if name == "clip_text":
            tokens[0, 4:6] = 38, 39  # its first place counts, whatever larger id there is
    tokens[np.arange(lengths.max()) >= lengths[:, None]] = padding
    return tokens, lengths


def outputs(name, model, tokens, lengths):
    ids = torch.from_numpy(tokens).long()
    mask = torch.arange(tokens.shape[1]) < torch.from_numpy(lengths)[:, None]
    asked = {"input_ids": ids, "attention_mask": mask.long()}
    with torch.no_grad():
        if name == "bert":
            segment = (torch.arange(tokens.shape[1]) > 4).long().expand_as(ids)
            found = model(**asked, token_type_ids=segment, output_hidden_states=True)
            plain = model.bert(**asked).last_hidden_state
            return {"hidden": plain, "segment": segment, "hidden_segment": found.hidden_states[-1]} | {
                "logits": found.logits
            }
        if name == "gpt2":
            return {"hidden": model.transformer(**asked).last_hidden_state, "logits": model(**asked).logits}
        if name == "t5":
            attention = model.encoder.block[0].layer[0].SelfAttention
            distances = torch.arange(-300, 301)
            buckets = attention._relative_position_bucket(distances, num_buckets=32, max_distance=128)
            return {"hidden": model.encoder(**asked).last_hidden_state, "buckets": buckets.to(torch.int8)}
        if name == "clip_text":
            found = model(**asked)
            at_end = model.text_model(**asked).pooler_output
            return {"hidden": found.last_hidden_state, "at_end": at_end, "vectors": found.text_embeds}
        if name == "clip":
            found = model.text_model(**asked)
            vectors = model.text_projection(found.pooler_output)
            return {"hidden": found.last_hidden_state, "at_end": found.pooler_output, "vectors": vectors}
        return {"hidden": model(**asked).last_hidden_state}


def sentence_encoder(folder, model):
    """Writes the files of a sentence encoder; the vectors and lengths of TEXTS."""
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(5)  # and padding: neither is what an encoder of many texts wants
    tokenizer.enable_padding(length=7)
    tokenizer.save(str(folder / "tokenizer.json"))
    kinds = {"0": ("", "Transformer"), "1": ("1_Pooling", "Pooling"), "2": ("2_Normalize", "Normalize")}
    modules = [
        {"idx": int(i), "name": i, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in kinds.items()
    ]
    (folder / "modules.json").write_text(json.dumps(modules, indent=2))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 8, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 11, "do_lower_case": False}))
    tokenizer.no_padding()
    tokenizer.enable_truncation(11)
    found = []
    for encoding in tokenizer.encode_batch(TEXTS):
        with torch.no_grad():
            hidden = model(torch.tensor([encoding.ids])).last_hidden_state[0]
        found.append(torch.nn.functional.normalize(hidden.mean(0), dim=0))
    return {"vectors": torch.stack(found), "texts": np.array(TEXTS)}


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    for name, build in MODELS.items():
        folder = HERE / name
        model = build().eval()
        randomise(model)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        tokens, lengths = tokens_of(name)
        found = outputs(name, model, tokens, lengths)
        if name == "minilm":
            found |= sentence_encoder(folder, model)
        np.savez_compressed(
            folder / "expected.npz", tokens=tokens, lengths=lengths, **{k: np.asarray(v) for k, v in found.items()}
        )
        print(name, {key: tuple(value.shape) for key, value in found.items()}, f"{found['hidden'].std():.3f}")


if __name__ == "__main__":
    main()

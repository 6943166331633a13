#include "transformer_bridge/formats/hugging_face.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;
using Family = ModelConfig::Family;

// As the library writes them: with settings that say nothing of what is computed from the weights.
const std::string bert_text = R"({
  "_name_or_path": "old_models/all-MiniLM-L6-v2/0_Transformer", "architectures": ["BertModel"],
  "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": false, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
  "hidden_size": 384, "initializer_range": 0.02, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
  "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 6,
  "pad_token_id": 0, "position_embedding_type": "absolute", "type_vocab_size": 2, "use_cache": true, "vocab_size": 30522
})";
const std::string gpt2_text = R"({
  "activation_function": "gelu_new", "attn_pdrop": 0.1, "bos_token_id": 50256, "layer_norm_epsilon": 1e-05,
  "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 11, "n_inner": null, "n_positions": 1024,
  "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}, "vocab_size": 50257
})";

/// The text with one piece of it replaced.
std::string with(std::string text, const std::string& piece, const std::string& by) {
  const auto at = text.find(piece);
  if (at == std::string::npos) throw std::logic_error("no " + piece);
  return text.replace(at, piece.size(), by);
}
std::string refused(const std::string& text) {
  return refusal([&] { parse_config(text, "config.json"); });
}

TEST(HuggingFace, ReadsBert) {
  const auto config = parse_config(bert_text, "config.json");
  EXPECT_EQ(config.family, Family::bert);
  EXPECT_EQ(config.vocabulary, 30522);
  EXPECT_EQ(config.positions, 512);
  EXPECT_EQ(config.token_types, 2);
  EXPECT_EQ(config.layers, 6);
  EXPECT_EQ(config.heads, 12);
  EXPECT_EQ(config.width, 384);
  EXPECT_EQ(config.inner_width, 1536);
  EXPECT_EQ(config.activation, Activation::gelu);
  EXPECT_EQ(config.epsilon, 1e-12);
  EXPECT_EQ(config.padding_id, 0);
}

TEST(HuggingFace, ReadsGpt2) {
  const auto config = parse_config(gpt2_text, "config.json");
  EXPECT_EQ(config.family, Family::gpt2);
  EXPECT_EQ(config.vocabulary, 50257);
  EXPECT_EQ(config.positions, 1024);
  EXPECT_EQ(config.token_types, 0);
  EXPECT_EQ(config.layers, 11);
  EXPECT_EQ(config.heads, 12);
  EXPECT_EQ(config.width, 768);
  EXPECT_EQ(config.inner_width, 3072);
  EXPECT_EQ(config.activation, Activation::gelu_tanh);
  EXPECT_EQ(config.epsilon, 1e-5);
  EXPECT_EQ(config.padding_id, std::nullopt);
  EXPECT_EQ(parse_config(with(gpt2_text, "null", "100"), "config.json").inner_width, 100);
}

TEST(HuggingFace, LeftOutSettingsHaveTheirDefaults) {
  const auto bert = parse_config(R"({"model_type": "bert", "vocab_size": 9, "max_position_embeddings": 8, "num_hidden_layers": 1,
                                     "num_attention_heads": 2, "hidden_size": 4, "intermediate_size": 5})",
                                 "config.json");
  EXPECT_EQ(bert.token_types, 2);
  EXPECT_EQ(bert.activation, Activation::gelu);
  EXPECT_EQ(bert.epsilon, 1e-12);
  EXPECT_EQ(bert.padding_id, std::nullopt);
  const auto gpt2 =
      parse_config(R"({"model_type": "gpt2", "vocab_size": 9, "n_positions": 8, "n_layer": 1, "n_head": 2, "n_embd": 4})", "config.json");
  EXPECT_EQ(gpt2.inner_width, 16);
  EXPECT_EQ(gpt2.activation, Activation::gelu_tanh);
  EXPECT_EQ(gpt2.epsilon, 1e-5);
}

TEST(HuggingFace, KnowsTheActivations) {
  for (const auto& [name, activation] :
       {std::pair{"relu", Activation::relu}, {"gelu", Activation::gelu}, {"gelu_pytorch_tanh", Activation::gelu_tanh}}) {
    EXPECT_EQ(parse_config(with(gpt2_text, "gelu_new", name), "config.json").activation, activation);
  }
  EXPECT_EQ(refused(with(gpt2_text, "gelu_new", "silu")),
            "input: config.json: \"activation_function\": expected relu, gelu, gelu_new or gelu_pytorch_tanh, got \"silu\"");
  EXPECT_EQ(refused(with(bert_text, R"("gelu")", "3")),
            "input: config.json: \"hidden_act\": expected relu, gelu, gelu_new or gelu_pytorch_tanh, got 3");
}

TEST(HuggingFace, RefusesOtherFamilies) {
  EXPECT_EQ(refused(with(bert_text, R"("model_type": "bert",)", "")),
            "input: config.json: expected \"model_type\", \"gpt2\" or \"bert\"; it is not there");
  EXPECT_EQ(refused(with(bert_text, R"("bert")", R"("llama")")),
            "input: config.json: \"model_type\": expected \"gpt2\" or \"bert\", got \"llama\"");
  EXPECT_EQ(refused(with(bert_text, R"("bert")", "[]")), "input: config.json: \"model_type\": expected \"gpt2\" or \"bert\", got []");
}

TEST(HuggingFace, RefusesSizesThatCannotBe) {
  for (const auto* value : {"0", "-1", "1.5", "2147483648", "1e3", "\"384\"", "true", "18446744073709551616"}) {
    const auto text = refused(with(bert_text, "384", value));
    EXPECT_TRUE(text.starts_with("input: config.json: \"hidden_size\": expected a size from 1 to 2147483647, got ")) << value << text;
  }
  EXPECT_EQ(refused(with(bert_text, "384", "0")), "input: config.json: \"hidden_size\": expected a size from 1 to 2147483647, got 0");
  EXPECT_EQ(refused(with(bert_text, "384", "null")),
            "input: config.json: expected \"hidden_size\", a size from 1 to 2147483647; it is not there");
  EXPECT_EQ(refused(with(gpt2_text, "\"n_layer\": 11,", "")),
            "input: config.json: expected \"n_layer\", a size from 1 to 2147483647; it is not there");
  EXPECT_EQ(refused(with(gpt2_text, "null", "0")), "input: config.json: \"n_inner\": expected a size from 1 to 2147483647, got 0");
  EXPECT_EQ(refused(with(gpt2_text, "768", "769")), "input: config.json: expected heads that divide the width, got 12 heads of width 769");
  for (const auto* value : {"0", "-1e-5", "1.1", "\"1\""}) {
    EXPECT_TRUE(refused(with(gpt2_text, "1e-05", value))
                    .starts_with("input: config.json: \"layer_norm_epsilon\": expected a number above 0 and at most 1, got "))
        << value;
  }
  EXPECT_EQ(refused(with(bert_text, "\"pad_token_id\": 0", "\"pad_token_id\": 30522")),
            "input: config.json: \"pad_token_id\": expected an id below the 30522 of the vocabulary, got 30522");
  EXPECT_EQ(refused(with(bert_text, "\"pad_token_id\": 0", "\"pad_token_id\": -1")),
            "input: config.json: \"pad_token_id\": expected an id below the 30522 of the vocabulary, got -1");
}

/// A setting that changes what is computed must not be passed over.
TEST(HuggingFace, RefusesSettingsThatAreNotSupported) {
  EXPECT_EQ(refused(with(bert_text, "absolute", "relative_key")),
            "input: config.json: \"position_embedding_type\": only \"absolute\" is supported, got \"relative_key\"");
  const auto extra = [](const std::string& text, const std::string& setting) { return refused(with(text, "{", "{" + setting + ",")); };
  EXPECT_EQ(extra(bert_text, R"("is_decoder": true)"), "input: config.json: \"is_decoder\": only false is supported, got true");
  EXPECT_EQ(extra(bert_text, R"("add_cross_attention": true)"),
            "input: config.json: \"add_cross_attention\": only false is supported, got true");
  EXPECT_EQ(extra(gpt2_text, R"("add_cross_attention": true)"),
            "input: config.json: \"add_cross_attention\": only false is supported, got true");
  EXPECT_EQ(extra(gpt2_text, R"("scale_attn_weights": false)"),
            "input: config.json: \"scale_attn_weights\": only true is supported, got false");
  EXPECT_EQ(extra(gpt2_text, R"("scale_attn_by_inverse_layer_idx": true)"),
            "input: config.json: \"scale_attn_by_inverse_layer_idx\": only false is supported, got true");
  EXPECT_EQ(extra(gpt2_text, R"("scale_attn_weights": true, "add_cross_attention": false, "scale_attn_by_inverse_layer_idx": false)"),
            "not refused");
}

TEST(HuggingFace, RefusesTextThatIsNoObject) {
  for (const auto& text :
       {std::string(), std::string("{"), bert_text.substr(0, bert_text.size() - 1), bert_text + "x", with(bert_text, "MiniLM", "\xff")}) {
    EXPECT_TRUE(refused(text).starts_with("input: config.json: expected JSON: ")) << refused(text);
  }
  EXPECT_EQ(refused("[]"), "input: config.json: expected a JSON object, got array");
  EXPECT_EQ(refused(with(bert_text, "{", R"({"hidden_size": 384,)")), "input: config.json: \"hidden_size\" is there twice");
  EXPECT_EQ(refused(with(gpt2_text, "\"max_length\": 50", R"("a": [{"b": 1, "b": 2}])")), "input: config.json: \"b\" is there twice");
  EXPECT_EQ(refused(with(gpt2_text, "\"max_length\": 50", R"("a": [{"b": 1}, {"b": 2}])")), "not refused");
  EXPECT_EQ(refused(with(bert_text, "384", std::string(1000, '[') + std::string(1000, ']'))),
            "input: config.json: expected values nested at most 64 deep");
  const auto long_value = refused(with(bert_text, "384", '"' + std::string(1000, 'x') + '"'));
  EXPECT_TRUE(long_value.ends_with("xxx...")) << long_value;
  EXPECT_LT(long_value.size(), 200);
}

TEST(HuggingFace, ReadsAFile) {
  const tests::TemporaryFolder folder;
  const auto path = (folder.path() / "config.json").string();
  EXPECT_EQ(refusal([&] { read_config(path); }), "input: " + path + ": cannot be read: No such file or directory");
  EXPECT_EQ(refusal([&] { read_config(folder.path().string()); }), "input: " + folder.path().string() + ": cannot be read: Is a directory");
  tests::write_bytes(path, gpt2_text);
  EXPECT_EQ(read_config(path).layers, 11);
  tests::write_bytes(path, gpt2_text + std::string((std::size_t{1} << 20) - gpt2_text.size(), ' '));
  EXPECT_EQ(read_config(path).layers, 11);
  tests::write_bytes(path, gpt2_text + std::string((std::size_t{1} << 20) + 1 - gpt2_text.size(), ' '));
  EXPECT_EQ(refusal([&] { read_config(path); }), "input: " + path + ": expected at most 1048576 bytes, got more");
}

}  // namespace
}  // namespace bridge

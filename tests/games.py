"""Games of sixteen papers, of two families more, and of recipes: functions of `PlayedGame`."""

import code_games
import image_games
import recipe_games
import row_games

GAMES = {
    game.__name__: game
    for game in (
        row_games.ac_gan,
        code_games.adversarial_autoencoder,
        code_games.autoencoder_without_samples,
        row_games.big_gan,
        code_games.bigan,
        row_games.clipping_and_replay,
        row_games.ctgan,
        code_games.domain_adaptation,
        row_games.info_gan,
        row_games.noise_by_a_schedule,
        row_games.projection_gan,
        row_games.semi_supervised,
        row_games.smoothing_and_noise,
        row_games.style_gan2,
        code_games.vae_gan,
        image_games.codec,
        image_games.cycle_gan,
        image_games.esrgan,
        image_games.pix2pix,
        image_games.spade,
        image_games.star_gan,
        image_games.vqgan,
        recipe_games.cycle_gan_recipe,
        recipe_games.pix2pix_recipe,
        recipe_games.super_resolution_recipe,
    )
}
GAMES |= {
    f"recipe_{game.__name__}": game
    for game in (
        recipe_games.acgan,
        recipe_games.bigan,
        recipe_games.infogan,
        recipe_games.semi_supervised,
        recipe_games.vae_gan,
    )
}
# A cheap one with encoder, decoder, tensors that are judged together and a penalty.
QUICK = ("bigan",)
# Those that are also played at 64 pixels.
PICTURES = ("cycle_gan", "pix2pix", "vqgan")
